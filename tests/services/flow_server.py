"""Flow at the other end of a socket, as a test tells it to be; it keeps every publish that came."""

from collections.abc import Callable
from itertools import count
from typing import Any
from urllib.parse import unquote

from django.db import connections

from tests.flow.nasty_server import NastyServer, Peer, Play, Received, says

TOKEN = "header.secretToken.signature"
API_KEY = "secret-key-of-the-tests"


class Flow:
    """Gives tokens, accepts every publish with ids of its own, and knows the campaigns of `statuses`, until told otherwise."""

    def __init__(self, server: NastyServer) -> None:
        self.server = server
        self.statuses: dict[str, str] = {}
        self._numbers = count(1)
        server.on("token", says(200, {"accessToken": TOKEN}))
        server.on("publish", self.accepts())
        server.on("status", self._tell_status)

    @property
    def publishes(self) -> list[dict[str, Any]]:
        """The body of every POST to publish that came, dry runs too, oldest first."""
        return [request.json() for request in self.server.at("publish")]

    @property
    def asked(self) -> list[str]:
        """The tracking id of every status call that came, oldest first."""
        return [unquote(request.path.rpartition("/")[2]) for request in self.server.at("status")]

    def on_token(self, *plays: Play) -> None:
        """Play this for the calls for a token, one after the other; the last repeats."""
        self.server.on("token", *plays)

    def on_publish(self, *plays: Play) -> None:
        """Play this for the publishes, one after the other; the last repeats."""
        self.server.on("publish", *plays)

    def on_status(self, *plays: Play) -> None:
        """Play this for the status calls instead of telling `statuses`, one after the other; the last repeats."""
        self.server.on("status", *plays)

    def accepts(self, *tracking_ids: str, status: str = "queued") -> Play:
        """Accept a publish, with these ids, or else with one that was never used before."""

        def play(peer: Peer, request: Received) -> None:
            given = tracking_ids or (f"queue_{next(self._numbers)}",)
            says(202, {"campaign_tracking_ids": given, "status": status})(peer, request)

        return play

    def _tell_status(self, peer: Peer, request: Received) -> None:
        status = self.statuses.get(unquote(request.path.rpartition("/")[2]))
        answer = says(404, {"error": "campaign not found"}) if status is None else says(200, {"status": status})
        answer(peer, request)


def meanwhile(deed: Callable[[], object], play: Play) -> Play:
    """Do something, on a connection to the database of its own, after a request has come and before the play answers it."""

    def first_the_deed(peer: Peer, request: Received) -> None:
        try:
            deed()
        finally:
            connections.close_all()
        play(peer, request)

    return first_the_deed
