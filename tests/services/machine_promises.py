"""The promises, as checks of what is in the database and in Flow's ledger after each step of a story."""

from collections import Counter

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from campaigns import selectors
from campaigns.domain.states import ACTION_DONE, Action, OrderState, Outcome, Phase, Resolution
from campaigns.models import Attempt, Campaign, Command, Event, Order
from campaigns.models.commands import OPEN
from campaigns.services import history
from tests.services.flow_ledger import FlowLedger

# The lines of history that tell of a new version; a late answer may.
MOVES = {
    f"order.{word}"
    for word in (
        *("edited", "submitted", "approved", "not_approved", "returned", "cancelled", "claimed"),
        *("published", "rejected", "not_sent", "in_doubt", "settled"),
    )
}
LATE = "order.late_answer"
FINAL = {"published", "cancelled"}
FIXED = ("order_id", "number", "order_version", "payload_sha256", "worker", "claimed_at", "lease_until")


class Promises:
    """What was seen at the last look, to compare with."""

    def __init__(self, flow: FlowLedger) -> None:
        self._flow = flow
        self.orders: dict[int, Order] = {}
        self.campaigns: dict[int, Campaign] = {}
        self.commands: dict[int, Command] = {}
        self._attempts: dict[int, Attempt] = {}
        self._last_event = Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        self._to_settle: set[int] = set()
        self._settled: set[str] = set()
        self._wrongly_not_live: Counter[str] = Counter()

    def people_settled(self, order: Order, resolution: Resolution) -> None:
        """Note the people's word; they may be wrong, and then what it costs is theirs."""
        self._settled.add(order.order_ref)
        if resolution is Resolution.NOT_LIVE and self._flow.of(order.order_ref):
            self._wrongly_not_live[order.order_ref] += 1

    def check(self) -> None:
        """Look at everything, compare with the last look, and raise AssertionError where a promise is broken."""
        orders = {order.pk: order for order in Order.objects.order_by("pk")}
        attempts = {attempt.pk: attempt for attempt in Attempt.objects.order_by("pk")}
        campaigns = {campaign.pk: campaign for campaign in Campaign.objects.order_by("pk")}
        commands = {command.pk: command for command in Command.objects.select_related("campaign").order_by("pk")}
        events = list(Event.objects.filter(pk__gt=self._last_event).order_by("pk"))
        settling = selectors.ORDER_NEEDS["settling"].rows(AnonymousUser(), timezone.now())
        self._to_settle = set(Order.objects.filter(settling).values_list("pk", flat=True))
        self._check_attempts(attempts)
        self._check_campaigns(campaigns, attempts)
        for order in orders.values():
            mine = [attempt for attempt in attempts.values() if attempt.order_id == order.pk]
            ids = {campaign.tracking_id for campaign in campaigns.values() if campaign.order_id == order.pk}
            self._check_money(order, ids)
            self._check_place(order, mine)
            self._check_told(order, [event for event in events if event.order_id == order.pk])
        self._check_commands(commands)
        assert not events or history.broken_link() == ""
        self.orders, self._attempts, self.campaigns, self.commands = orders, attempts, campaigns, commands
        self._last_event = events[-1].pk if events else self._last_event

    def check_at_rest(self) -> None:
        """Expect nothing half done, and Flow's ledger to be our campaigns and the orders in doubt."""
        states = Counter(order.state for order in self.orders.values())
        assert not states["publishing"]
        assert not states["queued"]
        assert not any(attempt.outcome == Outcome.OPEN for attempt in self._attempts.values())
        known = {campaign.tracking_id for campaign in self.campaigns.values()}
        by_ref = {order.order_ref: order for order in self.orders.values()}
        for accepted in self._flow.accepted:
            in_doubt = by_ref[accepted.order_ref].state == OrderState.UNKNOWN
            assert known >= set(accepted.tracking_ids) or in_doubt or accepted.order_ref in self._settled, accepted

    def _check_money(self, order: Order, ids: set[str]) -> None:
        accepted = self._flow.of(order.order_ref)
        assert len(accepted) <= 1 + self._wrongly_not_live[order.order_ref], f"{order} was published twice: {accepted}"
        settled = order.order_ref in self._settled
        assert settled or ids <= {each for one in accepted for each in one.tracking_ids}, f"{order} has {ids}"
        if order.state == OrderState.PUBLISHED:
            assert ids, f"{order} is published without a campaign"
            assert accepted or settled, f"{order} is published, says nobody"
        elif order.state not in {OrderState.PUBLISHING, OrderState.UNKNOWN}:
            assert settled or not accepted, f"{order} is {order.state}, but Flow has published it: {accepted}"

    def _check_place(self, order: Order, attempts: list[Attempt]) -> None:
        """Every order is at its end, or in a queue where people or workers see it."""
        open_attempts = [attempt for attempt in attempts if attempt.outcome == Outcome.OPEN]
        assert len(open_attempts) == (order.state == OrderState.PUBLISHING), f"{order} is {order.state}"
        assert [attempt.number for attempt in attempts] == list(range(1, len(attempts) + 1))
        assert order.next_attempt_at or order.state != OrderState.QUEUED, f"no sweep will find {order}"
        if order.state == OrderState.UNKNOWN:
            assert attempts[-1].outcome == Outcome.UNKNOWN
            assert attempts[-1].sent_at
            assert order.problem
            assert order.pk in self._to_settle, f"nobody sees that {order} is in doubt"

    def _check_told(self, order: Order, events: list[Event]) -> None:
        before = self.orders.get(order.pk)
        kinds = [event.kind for event in events]
        if before is None:
            assert kinds[0] == "order.created"
        raised = order.version - (before.version if before else 1)
        told = sum(kind in MOVES for kind in kinds)
        assert told <= raised <= told + kinds.count(LATE), f"{order}: {raised} versions more, told: {kinds}"
        if before and before.state != order.state:
            assert raised >= 1
        if before and before.state in FINAL - {order.state}:
            raise AssertionError(f"{order} was {before.state} and is {order.state}")

    def _check_attempts(self, attempts: dict[int, Attempt]) -> None:
        for pk, before in self._attempts.items():
            attempt = attempts[pk]
            assert all(getattr(attempt, name) == getattr(before, name) for name in FIXED)
            assert before.sent_at in {None, attempt.sent_at}
            late = (before.outcome, attempt.outcome) == (Outcome.UNKNOWN, Outcome.PUBLISHED)
            assert before.outcome in {Outcome.OPEN, attempt.outcome} or late
        for attempt in attempts.values():
            assert attempt.sent_at or attempt.outcome in {Outcome.OPEN, Outcome.NOT_SENT}

    def _check_campaigns(self, campaigns: dict[int, Campaign], attempts: dict[int, Attempt]) -> None:
        for pk, before in self.campaigns.items():
            assert (campaigns[pk].order_id, campaigns[pk].tracking_id) == (before.order_id, before.tracking_id)
        ids = [campaign.tracking_id for campaign in campaigns.values()]
        assert len(ids) == len(set(ids))
        for campaign in campaigns.values():
            assert attempts[campaign.attempt_id].order_id == campaign.order_id

    def _check_commands(self, commands: dict[int, Command]) -> None:
        open_ones = Counter(command.campaign_id for command in commands.values() if command.state in OPEN)
        assert set(open_ones.values()) <= {1}
        for pk, before in self.commands.items():
            assert before.state in {*OPEN, commands[pk].state}, f"{before} was {before.state}"
        for pk, command in commands.items():
            known = self.commands.get(pk)
            if command.state == "confirmed" and known and known.state != "confirmed":
                phase = Phase(command.campaign.phase)
                assert phase in ACTION_DONE[Action(command.action)]
                assert command.sends, "confirmed, but never sent"
