"""What Flow may answer, and what the console must make of each answer: one row each."""

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.chaos.flow import Answer, Update, good
from tests.flow.nasty_server import (
    Peer,
    Play,
    Received,
    delayed,
    falls_silent,
    message,
    never_stops,
    says,
    then_closes,
    then_resets,
    trickles,
)

Ids = tuple[str, ...]
MIB = 1024 * 1024
GIB = 1024 * MIB
OWNED = "queue_of-another-order"
"""A tracking id that is another order's."""

PUBLISHED, REJECTED, QUEUED, UNKNOWN = "published", "rejected", "queued", "unknown"
OUTCOME_OF = {PUBLISHED: "published", REJECTED: "rejected", QUEUED: "not_sent", UNKNOWN: "unknown"}


@dataclass(frozen=True)
class Row:
    """One answer of Flow to a publish, what the order is then, and how often it has been POSTed."""

    name: str
    accepts: bool
    says: Callable[[Ids], Play]
    state: str
    posts: int = 1
    campaigns: int = 0

    @property
    def answer(self) -> Answer:
        """What Flow does with the order."""
        return Answer(self.accepts, self.says)

    @property
    def attempts(self) -> list[list[str | bool]]:
        """The attempts that are expected: outcome, and whether `sent_at` is there."""
        return [[OUTCOME_OF[self.state], True]] * self.posts


def always(play: Play) -> Callable[[Ids], Play]:
    """Say the same whatever the ids are."""
    return lambda _: play


def body(ids: Ids) -> bytes:
    """Write the bytes of the documented answer."""
    return json.dumps(good(ids)).encode()


def well(ids: Ids) -> bytes:
    """Write the documented answer as a whole."""
    return message(202, body(ids))


def well_but(status: int) -> Callable[[Ids], Play]:
    """Answer as documented, with another status."""
    return lambda ids: says(status, good(ids))


def said(ids: object) -> Callable[[Ids], Play]:
    """Answer 202 with these tracking ids instead of the real ones."""
    return always(says(202, {"campaign_tracking_ids": ids, "status": "queued"}))


def raw(content: bytes, **headers: str) -> Callable[[Ids], Play]:
    """Answer 202 with this body."""
    return always(says(202, content, **headers))


def to(address: str) -> Play:
    """Send the client elsewhere."""
    return says(307, Location=address)


def endless(head: bytes) -> Play:
    """Send a GiB, or as much of it as the client takes."""

    def play(peer: Peer, request: Received) -> None:
        peer.send(head)
        piece = b" " * MIB
        for _ in range(GIB // len(piece)):
            peer.send(piece)

    return play


def bomb() -> bytes:
    """Compress a GiB of spaces into a MiB: the same member again and again."""
    return gzip.compress(b" " * MIB) * 1024


def deep(ids: Ids) -> bytes:
    """Write the documented answer with a field that is nested 100,000 deep."""
    return body(ids)[:-1] + b', "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


ACCEPTED = [
    Row("two-ids", True, lambda ids: says(202, good(ids)), PUBLISHED, campaigns=2),
    Row("charset-lies", True, lambda ids: says(202, good(ids), Content_Type="text/html; charset=cp037"), PUBLISHED, 1, 2),
    Row("chunked", True, lambda ids: then_closes(chunks(body(ids))), PUBLISHED, campaigns=2),
]  # fmt: skip


def chunks(content: bytes) -> bytes:
    """Write a 202 in chunks."""
    head = b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content)


TWO_LENGTHS = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nContent-Length: 99\r\n\r\n"

BROKEN = [
    Row("stall-before", False, always(falls_silent()), UNKNOWN),
    Row("stall-after", True, always(falls_silent()), UNKNOWN),
    Row("stall-in-head", True, always(falls_silent(b"HTTP/1.1 202 Acc")), UNKNOWN),
    Row("stall-in-body", True, lambda ids: falls_silent(well(ids)[:-5]), UNKNOWN),
    Row("late-by-more-than-its-time", True, lambda ids: delayed(says(202, good(ids)), 7), UNKNOWN),
    Row("closed-before", False, always(then_closes(b"")), UNKNOWN),
    Row("closed-after", True, always(then_closes(b"")), UNKNOWN),
    Row("reset-before", False, always(then_resets(b"")), UNKNOWN),
    Row("reset-after", True, always(then_resets(b"")), UNKNOWN),
    Row("reset-in-head", True, always(then_resets(b"HTTP/1.1 202 Accepted\r\nContent-")), UNKNOWN),
    Row("reset-in-body", True, lambda ids: then_resets(well(ids)[:-5]), UNKNOWN),
    Row("truncated", True, lambda ids: then_closes(well(ids)[:-5]), UNKNOWN),
    Row("truncated-chunks", True, lambda ids: then_closes(chunks(body(ids))[:-5]), UNKNOWN),
    Row("length-too-long", True, lambda ids: then_closes(message(202, body(ids), {"Content-Length": "5000"})), UNKNOWN),
    Row("length-too-short", True, lambda ids: then_closes(message(202, body(ids), {"Content-Length": "20"})), UNKNOWN),
    Row("two-lengths", True, lambda ids: then_closes(TWO_LENGTHS + body(ids)), UNKNOWN),
    Row("a-byte-every-ten-seconds", True, lambda ids: trickles(well(ids), 10), UNKNOWN),
    Row("a-byte-every-half-second", True, lambda ids: trickles(well(ids), 0.5), UNKNOWN),
    Row("1-gib", True, always(endless(b"HTTP/1.1 202 Accepted\r\nContent-Length: %d\r\n\r\n" % GIB)), UNKNOWN),
    Row("1-gib-without-length", True, always(endless(b"HTTP/1.1 202 Accepted\r\n\r\n")), UNKNOWN),
    Row("gzip-bomb", True, raw(bomb(), Content_Encoding="gzip"), UNKNOWN),
    Row("endless-head", True, always(never_stops(b"HTTP/1.1 202 Accepted\r\n", b"X: " + b"x" * 1000 + b"\r\n")), UNKNOWN),
]  # fmt: skip

ODD = [
    Row("html", True, raw(b"<h1>Welcome</h1>", Content_Type="text/html"), UNKNOWN),
    Row("empty-body", True, raw(b""), UNKNOWN),
    Row("utf-16", True, lambda ids: says(202, json.dumps(good(ids)).encode("utf-16")), UNKNOWN),
    Row("latin-1", True, lambda ids: says(202, body(ids)[:-1] + b', "name": "\xe9"}'), UNKNOWN),
    Row("nan", True, lambda ids: says(202, body(ids)[:-1] + b', "budget": NaN}'), UNKNOWN),
    Row("deep", True, lambda ids: says(202, deep(ids)), UNKNOWN),
    Row("a-list", True, lambda ids: says(202, list(ids)), UNKNOWN),
    *(Row(f"status-{status}", True, well_but(status), UNKNOWN) for status in (200, 201, 203, 206)),
    Row("status-204", True, always(says(204)), UNKNOWN),
    Row("ids-missing", True, always(says(202, {"status": "queued"})), UNKNOWN),
    Row("ids-null", True, said(None), UNKNOWN),
    Row("ids-none", True, said([]), UNKNOWN),
    Row("ids-empty", True, said([""]), UNKNOWN),
    Row("ids-blank", True, said([" \t"]), UNKNOWN),
    Row("ids-numbers", True, said([5, 6]), UNKNOWN),
    Row("ids-one-null", True, lambda ids: says(202, good((*ids, None))), UNKNOWN),  # type: ignore[arg-type]  # a lie
    Row("ids-a-string", True, lambda ids: said(ids[0])(ids), UNKNOWN),
    Row("ids-repeated", True, lambda ids: said([ids[0], ids[0]])(ids), UNKNOWN),
    Row("ids-of-another-order", True, lambda ids: said([ids[0], OWNED])(ids), UNKNOWN),
]  # fmt: skip

REFUSED = [
    Row("400-json", False, always(says(400, {"error": "startDate must be in the future"})), REJECTED),
    Row("404-json", False, always(says(404, {"error": "branch not found"})), REJECTED),
    Row("400-html", True, always(says(400, b"<h1>nginx</h1>")), UNKNOWN),
    Row("404-html", True, always(says(404, b"<h1>nginx</h1>")), UNKNOWN),
    Row("409", True, always(says(409, {"error": "conflict"})), UNKNOWN),
    Row("401-json", False, always(says(401, {"error": "invalid access token"})), QUEUED, posts=2),
    Row("401-html", False, always(says(401, b"<h1>no</h1>")), QUEUED, posts=2),
    Row("403-json", False, always(says(403, {"error": "JWT expired"})), QUEUED, posts=2),
    Row("403-html", False, always(says(403, b"<h1>no</h1>")), QUEUED, posts=2),
    *(
        Row(f"{status}-{when}", when == "after", always(says(status, {"error": "try again"})), UNKNOWN)
        for status in (500, 501, 502, 503, 504)
        for when in ("before", "after")
    ),
]


def redirects(elsewhere: str) -> list[Row]:
    """Return every way to send a publish elsewhere: to the server at this address, to this machine's cloud, to a file."""
    rows = [
        Row(f"{status}-elsewhere", True, always(says(status, Location=elsewhere)), UNKNOWN)
        for status in (301, 302, 303, 307, 308)
    ]
    return [
        *rows,
        Row("redirect-to-link-local", True, always(to("http://169.254.169.254/latest/meta-data/")), UNKNOWN),
        Row("redirect-to-a-file", True, always(to("file:///etc/passwd")), UNKNOWN),
        Row("redirect-to-nowhere", True, always(to("http://[bad")), UNKNOWN),
        Row("redirect-without-address", True, always(says(307)), UNKNOWN),
    ]


@dataclass(frozen=True)
class Wait:
    """One 429: what its Retry-After says, and for how many seconds nobody may call then."""

    name: str
    header: str | None
    seconds: float


TOO_MANY = [
    Wait("seconds", "120", 120),
    Wait("date", None, 300),
    Wait("negative", "-5", 60),
    Wait("garbage", "soon, I promise", 60),
    Wait("past", "Thu, 01 Jan 1998 00:00:00 GMT", 60),
    Wait("ten-years", "315360000", 3600),
]

HTML = b"<h1>active</h1>"
TRUE_WORD = {"status": "active"}
"""What would be success if it were said as it should be."""

STATUSES: dict[str, Play] = {
    "html": says(200, HTML),
    "nothing": says(200),
    "a-list": says(200, ["active"]),
    "no-status": says(200, {"message": "active"}),
    "null": says(200, {"status": None}),
    "number": says(200, {"status": 1}),
    "blank": says(200, {"status": "  "}),
    "nan": says(200, b'{"status": "active", "x": NaN}'),
    "deep": says(200, b'{"status": "active", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "utf-16": says(200, json.dumps(TRUE_WORD).encode("utf-16")),
    "gzip-bomb": says(200, bomb(), Content_Encoding="gzip"),
    "1-gib": endless(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % GIB),
    "truncated": then_closes(message(200, json.dumps(TRUE_WORD).encode())[:-3]),
    "length-too-long": then_closes(message(200, json.dumps(TRUE_WORD).encode(), {"Content-Length": "99"})),
    "reset": then_resets(b"HTTP/1.1 200 OK\r\n"),
    "stall": falls_silent(b"HTTP/1.1 200 OK\r\n"),
    "a-byte-every-ten-seconds": trickles(message(200, json.dumps(TRUE_WORD).encode()), 10),
    **{f"status-{status}": says(status, TRUE_WORD) for status in (201, 202, 204, 206, 400, 401, 403, 404)},
    **{f"status-{status}": says(status, TRUE_WORD) for status in (500, 501, 502, 503, 504)},
    "404-html": says(404, HTML),
}

UNKNOWN_WORDS = ("Active", "ACTIVE", "active ", "live", "published", "<b>active</b>")


@dataclass(frozen=True)
class Told:
    """One answer to a pause: what becomes of the command, and how often it is POSTed."""

    name: str
    obeys: bool
    play: Play
    state: str
    posts: int = 1

    @property
    def update(self) -> Update:
        """What Flow does with the command."""
        return Update(self.obeys, self.play)


DONE = {"status": "paused", "message": "Campaign successfully paused."}


def _both(name: str, play: Play) -> Sequence[Told]:
    """Return the answer after the deed and without it: it proves nothing, Flow's own status does."""
    return Told(f"{name}-done", True, play, "confirmed"), Told(f"{name}-not-done", False, play, "sent")


COMMANDS = [
    *_both("well", says(200, DONE)),
    *_both("html", says(200, HTML)),
    *_both("status-201", says(201, DONE)),
    *_both("status-204", says(204)),
    *_both("nan", says(200, b'{"status": "paused", "x": NaN}')),
    *_both("gzip-bomb", says(200, bomb(), Content_Encoding="gzip")),
    *_both("truncated", then_closes(message(200, json.dumps(DONE).encode())[:-3])),
    *_both("reset", then_resets(b"")),
    *_both("stall", falls_silent()),
    *_both("400-html", says(400, HTML)),
    *_both("status-500", says(500, DONE)),
    *_both("status-503", says(503, DONE)),
    *_both("redirect-to-a-file", to("file:///etc/passwd")),
    Told("400-json", False, says(400, {"error": "Campaign pausing unsuccessful"}), "failed"),
    Told("401", False, says(401, {"error": "invalid access token"}), "asked", posts=2),
    Told("403", False, says(403, {"error": "JWT expired"}), "asked", posts=2),
    Told("404-json", False, says(404, {"error": "not found"}), "asked"),
]
