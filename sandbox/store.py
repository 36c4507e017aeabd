"""The SQLite file that outlives the process: one connection, one lock, every commit on disk before it returns."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS publishes (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, order_ref TEXT, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS publishes_order_ref ON publishes (order_ref);
CREATE TABLE IF NOT EXISTS campaigns (
    id INTEGER PRIMARY KEY, publish_id INTEGER NOT NULL REFERENCES publishes (id),
    tracking_id TEXT NOT NULL UNIQUE, campaign_id TEXT NOT NULL UNIQUE,
    queued_at TEXT NOT NULL, starts_at TEXT, ends_at TEXT,
    stuck INTEGER NOT NULL, paused INTEGER NOT NULL, cancelled_at TEXT
);
CREATE INDEX IF NOT EXISTS campaigns_publish ON campaigns (publish_id);
CREATE TABLE IF NOT EXISTS commands (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, tracking_id TEXT NOT NULL, status TEXT NOT NULL,
    reason TEXT, outcome TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS faults (name TEXT PRIMARY KEY, setting TEXT NOT NULL, remaining INTEGER);
CREATE TABLE IF NOT EXISTS tokens (
    id INTEGER PRIMARY KEY CHECK (id = 1), secret TEXT NOT NULL, generation INTEGER NOT NULL
);
"""


class Store:
    """A SQLite file shared by the threads of this process."""

    def __init__(self, path: Path) -> None:
        """Open the file, making it and its folder where missing. Raise OSError or sqlite3.Error when that fails."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold a write transaction; it is synced to disk on leaving, or undone by an exception."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """Return the rows that a SELECT finds."""
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def close(self) -> None:
        """Close the file once nobody is writing."""
        with self._lock:
            self._db.close()
