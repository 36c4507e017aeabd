"""No orphans: a child process is told by the kernel when the process that started it is gone, however that ended."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def leash(told_with: signal.Signals = signal.SIGTERM) -> Callable[[], None]:
    """Return a `preexec_fn` that has the child get the signal when the calling process dies, even by kill -9.

    Works on Linux alone; elsewhere a kill -9 of the parent leaves the child running.
    """
    if sys.platform != "linux":
        return lambda: None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def bind() -> None:
        prctl(PR_SET_PDEATHSIG, told_with)
        if os.getppid() != parent:  # the parent died between fork and prctl
            os._exit(1)

    return bind
