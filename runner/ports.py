"""Whether the ports are free, asked before anything is started."""

import errno
import os
import socket

HIGHEST = 65_535


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
    problems = [problem for name, port in ports.items() if (problem := _problem(name, port, set(ports.values())))]
    if problems:
        raise PortError("\n".join(problems))


def _problem(name: str, port: int, taken: set[int]) -> str:
    code = _try(port)
    if code is None:
        return ""
    other = next((free for free in range(port + 1, HIGHEST) if free not in taken and _try(free) is None), None)
    remedy = f"Choose another one: make run {name}={other}" if other else f"Choose another one with {name}=…"
    if code == errno.EADDRINUSE:
        return f"Port {port} is in use by another program. {remedy}"
    return f"Port {port} can't be used: {os.strerror(code)}. {remedy}"


def _try(port: int) -> int | None:
    with socket.socket() as candidate:
        # As the servers themselves do: a port that rests after its last connection is free.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError as problem:
            return problem.errno
    return None
