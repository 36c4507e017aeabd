"""A wire to a server that can be cut without either end being told, as a firewall does that forgets a connection."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit, urlunsplit


class Wire:
    """Carries bytes between whoever connects to `url` and a server; `cut` silences the connections of this moment."""

    def __init__(self, listener: socket.socket, server: str) -> None:
        parts = urlsplit(server)
        assert parts.hostname
        assert parts.port
        self._listener, self._server = listener, (parts.hostname, parts.port)
        at = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        port: int = listener.getsockname()[1]
        self.url = urlunsplit(parts._replace(netloc=f"{at}127.0.0.1:{port}"))
        self.connections = 0
        self._ends: list[socket.socket] = []
        self._cuts = 0

    def cut(self) -> None:
        """Carry nothing any more for those who are connected; who connects from now on is served."""
        self._cuts += 1

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self._ends += [client, server]
                self.connections += 1
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=(source, target, self._cuts), daemon=True).start()

    def close(self) -> None:
        """Close the listener and every connection."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._ends:
            end.close()

    def _carry(self, source: socket.socket, target: socket.socket, cuts: int) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self._cuts == cuts:
                    target.sendall(data)
            if self._cuts == cuts:
                target.shutdown(socket.SHUT_WR)


@contextmanager
def wire_to(server: str) -> Iterator[Wire]:
    """Lay a wire to the server at an address."""
    wire = Wire(socket.create_server(("127.0.0.1", 0)), server)
    thread = threading.Thread(target=wire.serve, daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        wire.close()
        thread.join(5)
