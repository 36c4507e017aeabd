"""How to tell that a process answers. Each probe returns nothing once it does, else why it does not yet."""

import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable

from runner.children import Child, spawn

PATIENCE = 2.0


def answers_http(url: str) -> Callable[[Child], str]:
    """Return a probe that asks for the page and wants a 200."""
    # No proxy from the environment: the address is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def probe(_child: Child) -> str:
        try:
            with opener.open(url, timeout=PATIENCE) as answer:
                return "" if answer.status == 200 else f"{url} answers {answer.status}"
        except urllib.error.HTTPError as problem:
            return f"{url} answers {problem.code}"
        except OSError:
            return f"{url} does not answer"

    return probe


def says(words: str) -> Callable[[Child], str]:
    """Return a probe that waits for the process to print the words."""

    def probe(child: Child) -> str:
        return "" if any(words in line for line in child.lines) else f"it has not said “{words}”"

    return probe


class Succeeds:
    """A probe that runs a command, again and again without waiting for it, until its exit code is 0."""

    def __init__(self, argv: tuple[str, ...], otherwise: str) -> None:
        self.argv = argv
        self.otherwise = otherwise
        self.asking: subprocess.Popen[bytes] | None = None

    def __call__(self, _child: Child) -> str:
        """Return nothing if the command has succeeded since the last call."""
        if self.asking is None:
            self.asking = spawn(self.argv, stdout=subprocess.DEVNULL)
        code = self.asking.poll()
        if code is not None:
            self.asking = None
        return "" if code == 0 else self.otherwise
