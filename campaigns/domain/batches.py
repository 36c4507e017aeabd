"""Batches: what they are made of, how far each row has come, and who is told when rows were done."""

from enum import StrEnum

MOST_ROWS = 10_000
"""How many rows one batch takes: what a person can still answer for, and a page can still count within seconds."""


class BatchKind(StrEnum):
    """What the rows of a batch are, by the name of their model."""

    ORDER = "order"
    CAMPAIGN = "campaign"


class RowState(StrEnum):
    """How far a row has come: a rule or a person's rights skip it, a fault of the console fails it."""

    WAITING = "waiting"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


class Sweep(StrEnum):
    """Which sweep finds the work that a row's deed has left for the workers."""

    PUBLISH = "publish"
    COMMANDS = "commands"
    SYNC = "sync"
