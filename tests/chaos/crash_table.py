"""The crash table: how an order ends whose worker died at a marker, by where the marker lies on the way of a publish."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.table import Case
from tests.chaos.workers import Workshop
from tests.processes.stacks import EMBEDDED

CLAIMED = "commit of attempt, order, event, historyhead: after"
SENT = "commit of attempt.sent_at: after"
LAST_BYTE = "POST /campaigns/publish: body, after its last byte"
RECORDED = "commit of attempt, order, campaign, event, historyhead: after"

ONCE = [["published", True]]
NOT_SENT_THEN_ONCE = [["not_sent", False], ["published", True]]
IN_DOUBT = [["unknown", True]]


@dataclass(frozen=True)
class End:
    """How an order ends: its state, its attempts (outcome, whether it was sent), and how often Flow published it."""

    state: str
    attempts: list[list[object]]
    published: int


@dataclass(frozen=True)
class Way:
    """The markers that a publish reaches, in turn."""

    markers: Sequence[str]

    def has_reached(self, step: str, marker: str) -> bool:
        """Tell whether a process at the marker has passed the step, or is at it."""
        return self.markers.index(marker) >= self.markers.index(step)

    def stays_open(self, marker: str) -> bool:
        """Tell whether a death at the marker leaves the attempt open, for its lease to end."""
        return self.has_reached(CLAIMED, marker) and not self.has_reached(RECORDED, marker)

    def end(self, marker: str) -> End:
        """Return how an order must end whose worker died at the marker, once the lease is over."""
        if self.has_reached(RECORDED, marker):
            return End("published", ONCE, 1)
        if self.has_reached(SENT, marker):
            return End("unknown", IN_DOUBT, int(self.has_reached(LAST_BYTE, marker)))
        if self.has_reached(CLAIMED, marker):
            return End("published", NOT_SENT_THEN_ONCE, 1)
        return End("published", ONCE, 1)


def share(markers: Sequence[str], shop: Workshop, case: Case) -> list[str]:
    """Return the markers that are struck at on this stack: all in the long form, in the short one every second on each."""
    first = 0 if shop.site.stack == EMBEDDED else 1
    return list(markers if case.long else markers[first::2])


def recorded_way(shop: Workshop, ref: str) -> Way:
    """Publish two orders with nobody striking; return the markers that both reached: signs of life come now and then only."""
    first = shop.submit({f"{ref}-1": ""})[f"{ref}-1"]
    second = shop.submit({f"{ref}-2": ""})[f"{ref}-2"]
    for number in (first, second):
        shop.wait_for_marker(number, "task: over")
    seen = set(shop.markers(second))
    markers = [marker for marker in shop.markers(first) if marker in seen]
    steps = [marker for marker in markers if marker in {CLAIMED, SENT, LAST_BYTE, RECORDED}]
    assert steps == [CLAIMED, SENT, LAST_BYTE, RECORDED], (
        f"these are not the steps of a publish, in their order: {markers}"
    )
    return Way(markers)
