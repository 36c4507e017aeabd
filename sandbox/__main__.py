"""`python -m sandbox`: start the sandbox and serve until told to stop."""

import logging
import os
import signal
import sqlite3
import sys
import threading

from sandbox.server import Server
from sandbox.settings import SettingError, read_settings
from sandbox.world import open_world


def main() -> int:
    """Serve until SIGTERM or SIGINT. Return 0, or 1 when it could not start, with one line that says why."""
    logging.basicConfig(level=logging.INFO, format="sandbox: %(message)s")
    try:
        settings = read_settings(os.environ)
    except SettingError as problem:
        return _fail(str(problem))
    try:
        world = open_world(settings)
    except (OSError, sqlite3.Error) as problem:
        return _fail(f"The state file {settings.state} cannot be used: {problem}. Set SANDBOX_STATE to another path.")
    try:
        server = Server(world)
    except OSError as problem:
        world.store.close()
        return _fail(
            f"Cannot listen on {settings.host}:{settings.port}: {problem.strerror}. Set SANDBOX_PORT to another."
        )
    _serve(server)
    world.store.close()
    return 0


def _serve(server: Server) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stopping.set())
    settings = server.world.settings
    logging.info("listening on http://%s:%d/ (this is not Flow, no money is spent)", settings.host, settings.port)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    serving.start()
    server.stopping.wait()
    server.shutdown()
    serving.join()
    server.server_close()


def _fail(message: str) -> int:
    print(f"sandbox: {message}", file=sys.stderr)  # noqa: T201  the one line for whoever started it
    return 1


if __name__ == "__main__":
    sys.exit(main())
