"""Whether the ports are free, asked before anything is started."""

import errno
import os
import socket
from itertools import chain

HIGHEST = 65_535
LOWEST_FOR_ALL = 1_024


class PortError(Exception):
    """A port can't be used; the message says what to type instead."""


def port_setting(name: str, default: int) -> int:
    """Return the port that the environment variable names. Raise PortError for anything but a port."""
    text = os.environ.get(name, "").strip() or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= HIGHEST):
        raise PortError(f"{name} is {text!r}. Set it to a whole number from 1 to {HIGHEST}, such as {name}={default}.")
    return int(text)


def require_free(ports: dict[str, int]) -> None:
    """Raise PortError unless every port, given by the name of its variable, is free and no two are the same."""
    if len(set(ports.values())) < len(ports):
        raise PortError(f"{' and '.join(ports)} are the same port. Set one of them to another.")
    codes = {name: code for name, port in ports.items() if (code := _try(port))}
    if codes:
        problems = [_problem(ports[name], code) for name, code in codes.items()]
        others = [f"{name}={_free_above(ports[name], set(ports.values()))}" for name in codes]
        raise PortError("\n".join([*problems, f"Choose another: make run {' '.join(others)}"]))


def _problem(port: int, code: int) -> str:
    if code == errno.EADDRINUSE:
        return f"Port {port} is in use by another program."
    return f"Port {port} can't be used: {os.strerror(code)}."


def _free_above(port: int, wanted: set[int]) -> int:
    above, below = range(port + 1, HIGHEST + 1), range(LOWEST_FOR_ALL, port)
    return next(other for other in chain(above, below) if other not in wanted and not _try(other))


def _try(port: int) -> int:
    """Return 0 if a server could listen there now, else the error's number."""
    with socket.socket() as candidate:
        # As the servers themselves do: a port that rests after its last connection is free.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError as problem:
            return int(problem.errno or errno.EIO)
    return 0
