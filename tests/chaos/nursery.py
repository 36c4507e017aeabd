"""`python -m tests.chaos.nursery`: starts workers of worker_app in a blink, by forking once everything is imported.

Each line of its input is a worker: the arguments of Celery, the file for what it prints, and what differs from Celery's
settings, as JSON; each is answered with the worker's number. A worker is a session of its own, as from a runner. When the
input ends, all of them end.
"""

import json
import os
import signal
import sys
from contextlib import suppress
from typing import Any, NoReturn

import django

from flowsite.celery import app
from tests.chaos.worker_app import configure

children: set[int] = set()


def main() -> None:
    """Start what each line says."""
    django.setup()
    app.loader.import_default_modules()
    signal.signal(signal.SIGCHLD, _bury)
    for line in sys.stdin:
        argv, log, conf = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _work(argv, log, conf)
        children.add(pid)
        print(pid, flush=True)  # noqa: T201 - the answer
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for child in children:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)


def _work(argv: list[str], log: str, conf: dict[str, Any]) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    configure(conf)
    try:
        app.worker_main(argv)
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    os._exit(0)


def _bury(*_: Any) -> None:
    with suppress(ChildProcessError):
        while (dead := os.waitpid(-1, os.WNOHANG)[0]) > 0:
            with suppress(ProcessLookupError):
                os.killpg(dead, signal.SIGKILL)  # what was left of its pool
            children.discard(dead)


if __name__ == "__main__":
    main()
