"""A database that refuses one kind of statement."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def signs_refused() -> Iterator[None]:
    """Let every statement on the signs of life fail."""
    rename("campaigns_heartbeat", "heartbeats_are_away")
    try:
        yield
    finally:
        rename("heartbeats_are_away", "campaigns_heartbeat")


def rename(old: str, new: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")
