"""What was published and what was commanded. Nothing is ever removed."""

import secrets
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from sandbox.life import Campaign
from sandbox.rules import Publish, StatusUpdate
from sandbox.store import Store


@dataclass(frozen=True)
class Published:
    """One accepted publish. `nth` counts the publishes with the same order_ref so far: 2 or more is a repeat."""

    at: datetime
    order_ref: str | None
    nth: int
    body: dict[str, Any]
    campaigns: list[Campaign]


@dataclass(frozen=True)
class Command:
    at: datetime
    tracking_id: str
    status: str
    reason: str | None
    outcome: str


class Ledger:
    def __init__(self, store: Store) -> None:
        self._store = store

    def publish(self, publish: Publish, body: bytes, campaigns: int, stuck: bool, now: datetime) -> list[str]:
        """Write a publish, its body as it came, and its campaigns; on disk on return. Return the tracking ids."""
        tracking_ids = [f"queue_{secrets.token_hex(8)}" for _ in range(campaigns)]
        with self._store.transaction() as db:
            publish_id = db.execute(
                "INSERT INTO publishes (at, order_ref, body) VALUES (?, ?, ?)",
                (now.isoformat(), publish.order_ref or None, body.decode()),
            ).lastrowid
            dates = _text(publish.start_date), _text(publish.end_date)
            db.executemany(
                "INSERT INTO campaigns (publish_id, tracking_id, campaign_id, queued_at, starts_at, ends_at, stuck,"
                " paused) VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
                [
                    (publish_id, tracking_id, f"camp_{secrets.token_hex(6)}", now.isoformat(), *dates, stuck)
                    for tracking_id in tracking_ids
                ],
            )
        return tracking_ids

    def command(self, tracking_id: str, update: StatusUpdate, outcome: str, obey: bool, now: datetime) -> None:
        """Write a command and, when it is obeyed, what it changes. A cancelled campaign stays as it is."""
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO commands (at, tracking_id, status, reason, outcome) VALUES (?, ?, ?, ?, ?)",
                (now.isoformat(), tracking_id, update.status, update.reason or None, outcome),
            )
            if obey:
                cancelled_at = now.isoformat() if update.status == "cancelled" else None
                db.execute(
                    "UPDATE campaigns SET paused = ?, cancelled_at = ? WHERE tracking_id = ? AND cancelled_at IS NULL",
                    (update.status == "paused", cancelled_at, tracking_id),
                )

    def release_stuck(self, now: datetime) -> None:
        """Let the stuck campaigns begin their time in the queue."""
        with self._store.transaction() as db:
            db.execute("UPDATE campaigns SET stuck = 0, queued_at = ? WHERE stuck", (now.isoformat(),))

    def campaign(self, tracking_id: str) -> Campaign | None:
        """Return the campaign with this tracking id, if there is one."""
        rows = self._store.rows("SELECT * FROM campaigns WHERE tracking_id = ?", tracking_id)
        return _campaign(rows[0]) if rows else None

    def publishes(self, limit: int = -1) -> list[Published]:
        """Return the last `limit` publishes, or all of them, newest first."""
        rows = self._store.rows(
            "SELECT *, (SELECT count(*) FROM publishes AS p WHERE p.order_ref = publishes.order_ref AND p.id <="
            " publishes.id) AS nth FROM publishes ORDER BY id DESC LIMIT ?",
            limit,
        )
        oldest = rows[-1]["id"] if rows else 0
        campaigns: dict[int, list[Campaign]] = {}
        for row in self._store.rows("SELECT * FROM campaigns WHERE publish_id >= ? ORDER BY id", oldest):
            campaigns.setdefault(row["publish_id"], []).append(_campaign(row))
        return [_published(row, campaigns[row["id"]]) for row in rows]

    def commands(self, limit: int = -1) -> list[Command]:
        """Return the last `limit` commands, or all of them, newest first."""
        rows = self._store.rows("SELECT * FROM commands ORDER BY id DESC LIMIT ?", limit)
        return [
            Command(datetime.fromisoformat(row["at"]), row["tracking_id"], row["status"], row["reason"], row["outcome"])
            for row in rows
        ]

    def repeats(self) -> dict[str, int]:
        """Return every order_ref that was published more than once, with how many times."""
        rows = self._store.rows(
            "SELECT order_ref, count(*) AS times FROM publishes WHERE order_ref IS NOT NULL"
            " GROUP BY order_ref HAVING count(*) > 1 ORDER BY max(id) DESC"
        )
        return {row["order_ref"]: row["times"] for row in rows}

    def counts(self) -> tuple[int, int]:
        """Return how many publishes and how many commands there are."""
        (row,) = self._store.rows("SELECT (SELECT count(*) FROM publishes) AS p, (SELECT count(*) FROM commands) AS c")
        return row["p"], row["c"]


def _published(row: sqlite3.Row, campaigns: list[Campaign]) -> Published:
    at = datetime.fromisoformat(row["at"])
    return Published(at, row["order_ref"], row["nth"] or 1, msgspec.json.decode(row["body"]), campaigns)


def _campaign(row: sqlite3.Row) -> Campaign:
    return Campaign(
        tracking_id=row["tracking_id"],
        campaign_id=row["campaign_id"],
        queued_at=datetime.fromisoformat(row["queued_at"]),
        starts_at=_moment(row["starts_at"]),
        ends_at=_moment(row["ends_at"]),
        stuck=bool(row["stuck"]),
        paused=bool(row["paused"]),
        cancelled_at=_moment(row["cancelled_at"]),
    )


def _text(moment: datetime | msgspec.UnsetType) -> str | None:
    return moment.isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
