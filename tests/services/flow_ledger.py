"""Flow with a ledger: whatever it answers, it notes first what it has accepted."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.flow.nasty_server import JSON, Peer, Play, Received, message, says, then_closes, then_resets
from tests.services.flow_server import TOKEN, Flow


@dataclass(frozen=True)
class Accepted:
    """One publish that Flow carried out, and the tracking ids that it gave."""

    order_ref: str
    tracking_ids: tuple[str, ...]


def _no(status: int, **headers: str) -> Play:
    return says(status, {"error": "No."}, **headers)


def _truncated(peer: Peer, request: Received) -> None:
    then_closes(message(202, b'{"campaign_tracking_ids": ["queu', {"Content-Length": "500", "Content-Type": JSON}))(
        peer, request
    )


# What Flow does to a publish without carrying it out.
DECLINES: dict[str, Play] = {
    "400": _no(400),
    "404": _no(404),
    "401": _no(401),
    "403": _no(403),
    "429": _no(429),
    "429 for 4 s": _no(429, Retry_After="4"),
    "500 instead": _no(500),
    "reset instead": then_resets(b""),
    "a page instead": says(200, b"<html>maintenance</html>", Content_Type="text/html"),
}
# How Flow answers when it has carried it out, given the tracking ids.
ACCEPTS: dict[str, Callable[[tuple[str, ...]], Play]] = {
    "202": lambda ids: says(202, {"campaign_tracking_ids": ids, "status": "queued"}),
    "202 for two": lambda ids: says(202, {"campaign_tracking_ids": ids, "status": "in_progress"}),
    "500 afterwards": lambda _: _no(500),
    "reset afterwards": lambda _: then_resets(b""),
    "202 cut off": lambda _: _truncated,
    "202 without ids": lambda _: says(202, {"status": "queued"}),
    "202 with no ids": lambda _: says(202, {"campaign_tracking_ids": [], "status": "queued"}),
    "202 with an id twice": lambda ids: says(202, {"campaign_tracking_ids": [*ids, *ids], "status": "queued"}),
    "202 with known ids": lambda ids: says(202, {"campaign_tracking_ids": ids, "status": "queued"}),
    "201": lambda ids: says(201, {"campaign_tracking_ids": ids, "status": "queued"}),
}
ANSWERS = sorted([*DECLINES, *ACCEPTS])


def _obeys(told: Callable[[], object], word: str) -> Play:
    told()
    return says(200, {"status": word, "message": "Done."})


# What Flow does when it is asked to pause, resume or cancel.
OBEDIENCE: dict[str, Callable[[Callable[[], object], str], Play]] = {
    "obeys": _obeys,
    "only says so": lambda _, word: says(200, {"status": word, "message": "Done."}),
    "obeys, then 500": lambda told, _: (told(), _no(500))[1],
    "obeys, then resets": lambda told, _: (told(), then_resets(b""))[1],
    "400": lambda _, __: _no(400),
    "404": lambda _, __: _no(404),
    "429": lambda _, __: _no(429),
}


class FlowLedger:
    """Answers as `answer` and `obedience` say, and tells each campaign's status as it is."""

    def __init__(self, flow: Flow) -> None:
        self.accepted: list[Accepted] = []
        self.statuses = flow.statuses
        self.answer, self.obedience, self.gives_tokens = "202", "obeys", True
        self._numbers = count(1)
        flow.server.on("token", lambda *call: self._token()(*call))
        flow.server.on("publish", self._publish)
        flow.server.on("update", self._update)

    def begin(self) -> None:
        """Forget everything: another story begins."""
        self.accepted.clear()
        self.statuses.clear()
        self.statuses["foreign_1"] = "active"
        self.answer, self.obedience, self.gives_tokens = "202", "obeys", True
        self._numbers = count(1)

    def of(self, order_ref: str) -> list[Accepted]:
        """Return what Flow has accepted of an order."""
        return [accepted for accepted in self.accepted if accepted.order_ref == order_ref]

    def _token(self) -> Play:
        return says(200, {"accessToken": TOKEN}) if self.gives_tokens else _no(401)

    def _publish(self, peer: Peer, request: Received) -> None:
        play = DECLINES.get(self.answer) or self._accept(request.json())
        play(peer, request)

    def _accept(self, body: dict[str, Any]) -> Play:
        ids = tuple(f"queue_{next(self._numbers)}" for _ in range(2 if self.answer == "202 for two" else 1))
        if self.answer == "202 with known ids" and self.accepted:
            ids = self.accepted[0].tracking_ids
        self.accepted.append(Accepted(body["orderRef"], ids))
        self.statuses.update(dict.fromkeys(ids, "queued"))
        return ACCEPTS[self.answer](ids)

    def _update(self, peer: Peer, request: Received) -> None:
        tracking_id, word = request.path.rpartition("/")[2], request.json()["status"]
        told = lambda: self.statuses.update({tracking_id: word})  # noqa: E731
        OBEDIENCE[self.obedience](told, word)(peer, request)
