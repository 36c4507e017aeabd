"""The signs of life that beat and the workers give: seldom, and never at the cost of their work."""

import time
from dataclasses import dataclass

from django.utils import timezone

from campaigns.domain.heartbeats import Part
from campaigns.services import heartbeats


@dataclass
class Signs:
    """A process's own signs of life for a part, at most one in `every` seconds; a failed one counts, too."""

    part: Part
    every: float
    _next: float = 0.0

    def give(self, node: str = "") -> None:
        """Write a sign of life if the last one is long enough ago. A database that fails is told in the log."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self.every
        heartbeats.note(self.part, timezone.now(), node)
