"""Whatever people, workers, Flow, deaths and time do in whatever order: the promises hold after every step.

Hypothesis writes the stories; `machine_promises` judges. Each story is rolled back at its end.
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from campaigns import gateway
from campaigns.domain.states import MOVES, Action, Move, Resolution
from campaigns.flow import clock as deadlines
from campaigns.models import Campaign, Command, Event, Order, Settlement
from campaigns.services import commands, orders, publishing, settling, syncing
from campaigns.services.content import Content
from campaigns.services.errors import Refused
from tests.factories import make_branch, make_listing, make_plan, make_user
from tests.services.building import LEASE, NOW, SECOND
from tests.services.conftest import WRITES
from tests.services.flow_ledger import ANSWERS, OBEDIENCE, FlowLedger
from tests.services.flow_server import TOKEN, Flow
from tests.services.following import new_client
from tests.services.machine_promises import FINAL, Promises
from tests.services.stopping import BEFORE_POST, Worker, stop_before_posts

WHICH = st.integers(0, 11)
ANSWER = st.sampled_from(["202", "202 for two", "202"] * 3 + ANSWERS)
# By the look at the clock that comes next.
PUBLISH_STOPS = st.sampled_from([2, 3, BEFORE_POST, 4])
COMMAND_STOPS = st.sampled_from([BEFORE_POST, 2])
A_WHILE = 10 * SECOND
MOST_STOPPED, MOST_UNDER_WAY = 3, 4


@dataclass(frozen=True)
class Stage:
    """What all stories have in common: people, what they may order, and Flow."""

    author: User
    approver: User
    settlers: list[User]
    contents: list[Content]
    flow: FlowLedger


class Console(RuleBasedStateMachine):
    """Several orders, their campaigns, and workers that may be stopped anywhere."""

    stage: ClassVar[Stage]
    now: ClassVar[datetime] = NOW

    def __init__(self) -> None:
        super().__init__()
        Console.now = NOW
        new_client()  # what it remembers of tokens would make the same story another one
        self.flow = self.stage.flow
        self.flow.begin()
        self.stopped: list[Worker] = []
        self.beside: list[int] = []
        """The orders that workers had when they were stopped, the last few."""
        self.story = transaction.atomic()
        self.story._from_testcase = True  # type: ignore[attr-defined]  # as Django's TestCase does: durable ones may be inside
        self.story.__enter__()
        self._wrote = True
        self.watching = connection.execute_wrapper(self._watch)
        self.watching.__enter__()
        self.promises = Promises(self.flow)

    def teardown(self) -> None:
        try:
            self._let_the_dust_settle()
        finally:
            for worker in self.stopped:
                worker.kill()
            self.watching.__exit__(None, None, None)
            transaction.set_rollback(True)
            self.story.__exit__(None, None, None)

    @invariant()
    def the_promises_hold(self) -> None:
        if self._wrote:
            self.promises.check()
            self._wrote = False

    def _watch(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """Note that something is written: only then need the promises be judged anew."""
        self._wrote |= sql.startswith(("INSERT", "UPDATE", "DELETE"))
        return execute(sql, params, many, context)

    # People ---------------------------------------------------------------------------------------------------------
    @initialize()
    def two_orders(self) -> None:
        self.build(0, True)
        self.build(2, True)

    @precondition(lambda self: self._under_way() < MOST_UNDER_WAY)
    @rule(which=WHICH, submit=st.sampled_from([True, True, False]))
    def build(self, which: int, submit: bool) -> None:
        content = self.stage.contents[which % len(self.stage.contents)]
        ref = f"story-{Order.objects.count() + 1}"
        order = orders.create_order(content, user=self.stage.author, now=self.now, order_ref=ref)
        if submit:
            self._do("submit", order, order.version)

    @rule(which=WHICH, deed=st.sampled_from(["submit", "submit", "approve", "approve", "reject", "return", "cancel"]))
    def move(self, which: int, deed: str) -> None:
        fitting = [state.value for state in MOVES[Move(deed)]]
        if self._has(*fitting):
            order = self._one(which, *fitting)
            refused = self._refused(lambda: self._do(deed, order, order.version))
            assert refused == (deed == "submit" and order.campaigns.exists())

    @precondition(lambda self: self._has("draft"))
    @rule(which=WHICH, what=WHICH)
    def edit(self, which: int, what: int) -> None:
        content = self.stage.contents[what % len(self.stage.contents)]
        order = self._one(which, "draft")
        orders.edit_order(order.pk, order.version, content, user=self.stage.author, now=self.now)

    @rule(
        which=WHICH, deed=st.sampled_from(["submit", "approve", "reject", "return", "cancel"]), back=st.integers(0, 1)
    )
    def click_on_an_old_page(self, which: int, deed: str, back: int) -> None:
        order = self._one(which)
        assert self._refused(lambda: self._do(deed, order, order.version - back)) or back == 0

    @precondition(lambda self: self._has("unknown"))
    @rule(
        which=WHICH,
        resolution=st.sampled_from(Resolution),
        ids=st.sampled_from(["its own"] * 4 + ["of another", "foreign", "not there", "blank", "twice", "none"]),
        who=WHICH,
    )
    def settle(self, which: int, resolution: Resolution, ids: str, who: int) -> None:
        order = self._one(which, "unknown")
        self._settle(order, resolution, self._ids(order, ids), self.stage.settlers[who % len(self.stage.settlers)])

    @precondition(lambda self: self._has("unknown"))
    @rule(which=WHICH, who=WHICH)
    def say_the_same(self, which: int, who: int) -> None:
        order = self._one(which, "unknown")
        if word := order.settlements.last():
            user = self.stage.settlers[who % len(self.stage.settlers)]
            self._settle(order, Resolution(word.resolution), word.tracking_ids, user)

    # Workers --------------------------------------------------------------------------------------------------------
    @precondition(lambda self: self._has("queued"))
    @rule(which=WHICH, answer=ANSWER)
    def deliver(self, which: int, answer: str) -> None:
        self.flow.answer = answer
        self._pass(A_WHILE)
        publishing.publish_order(self._one(which, "queued").pk, clock=self._clock, due_only=False)

    @precondition(lambda self: self._has("publishing", "published", "unknown", "rejected", "cancelled"))
    @rule(which=WHICH)
    def deliver_whatever_it_is(self, which: int) -> None:
        self.flow.answer = "202"
        publishing.publish_order(self._one(which).pk, clock=self._clock)

    @precondition(lambda self: self._has("queued"))
    @rule(which=WHICH)
    def deliver_without_a_token(self, which: int) -> None:
        gateway.client()._tokens.drop(TOKEN)
        self.flow.gives_tokens = False
        try:
            publishing.publish_order(self._one(which, "queued").pk, clock=self._clock, due_only=False)
        finally:
            self.flow.gives_tokens = True

    @precondition(lambda self: self._has("queued") and len(self.stopped) < MOST_STOPPED)
    @rule(which=WHICH, answer=ANSWER, place=PUBLISH_STOPS)
    def deliver_and_stop(self, which: int, answer: str, place: int | str) -> None:
        self.flow.answer = answer
        self._pass(A_WHILE)
        pk = self._one(which, "queued").pk
        self._begin(lambda clock: publishing.publish_order(pk, clock=clock, due_only=False), place)
        self.beside = [*self.beside, pk][-MOST_STOPPED:]

    @precondition(lambda self: self._has("queued") and len(self.stopped) < MOST_STOPPED)
    @rule(which=WHICH, answer=ANSWER, place=PUBLISH_STOPS)
    def deliver_and_sleep_through_the_lease(self, which: int, answer: str, place: int | str) -> None:
        self.deliver_and_stop(which, answer, place)
        self.recover(True)

    @precondition(lambda self: self.beside)
    @rule(which=WHICH, answer=ANSWER)
    def deliver_what_a_stopped_one_has(self, which: int, answer: str) -> None:
        self.flow.answer = answer
        publishing.publish_order(self.beside[which % len(self.beside)], clock=self._clock, due_only=False)

    @precondition(lambda self: self.stopped)
    @rule(which=WHICH, answer=ANSWER)
    def go_on(self, which: int, answer: str) -> None:
        self.flow.answer = answer
        self.stopped.pop(which % len(self.stopped)).go_on()

    @precondition(lambda self: self.stopped)
    @rule(which=WHICH)
    def kill(self, which: int) -> None:
        self.stopped.pop(which % len(self.stopped)).kill()

    @precondition(lambda self: self._has("publishing"))
    @rule(over=st.booleans())
    def recover(self, over: bool) -> None:
        self._pass(LEASE + SECOND if over else SECOND)
        publishing.recover_expired_leases(self.now)

    @rule(seconds=st.sampled_from([1, 31, 61, 700, 4000]))
    def time_passes(self, seconds: int) -> None:
        self._pass(timedelta(seconds=seconds))

    # Campaigns ------------------------------------------------------------------------------------------------------
    @precondition(lambda self: self.promises.campaigns)
    @rule(which=WHICH, action=st.sampled_from(Action))
    def ask(self, which: int, action: Action) -> None:
        campaign = self._campaign(which)
        self._refused(lambda: commands.ask(campaign, action, reason="Sold.", user=self.stage.author, now=self.now))

    @precondition(lambda self: self.promises.commands)
    @rule(which=WHICH, obedience=st.sampled_from(sorted(OBEDIENCE)))
    def send(self, which: int, obedience: str) -> None:
        self.flow.obedience = obedience
        commands.send(self._command(which), clock=self._clock)

    @precondition(lambda self: self.promises.commands and len(self.stopped) < MOST_STOPPED)
    @rule(which=WHICH, obedience=st.sampled_from(sorted(OBEDIENCE)), place=COMMAND_STOPS)
    def send_and_stop(self, which: int, obedience: str, place: int | str) -> None:
        self.flow.obedience = obedience
        pk = self._command(which)
        self._begin(lambda clock: commands.send(pk, clock=clock), place)

    @precondition(lambda self: self.promises.campaigns)
    @rule()
    def sync(self) -> None:
        syncing.check_now(sorted(self.promises.campaigns), clock=self._clock)

    @precondition(lambda self: self.promises.campaigns)
    @rule(which=WHICH, status=st.sampled_from(["active", "active", "completed", "failed", "new_word"]))
    def flow_moves_on(self, which: int, status: str) -> None:
        self.flow.statuses[Campaign.objects.get(pk=self._campaign(which)).tracking_id] = status

    # Helpers --------------------------------------------------------------------------------------------------------
    def _clock(self) -> datetime:
        return self.now

    def _do(self, deed: str, order: Order, version: int) -> None:
        stage, now = self.stage, self.now
        if deed == "submit":
            orders.submit(order.pk, version, user=stage.author, now=now)
        elif deed == "approve":
            orders.approve(order.pk, version, user=stage.approver, now=now)
        elif deed == "reject":
            orders.reject(order.pk, version, comment="Too dear.", user=stage.approver, now=now)
        elif deed == "return":
            orders.return_to_draft(order.pk, version, user=stage.author, now=now)
        else:
            orders.cancel(order.pk, version, reason="Sold.", user=stage.author, now=now)

    def _pass(self, time: timedelta) -> None:
        Console.now += time

    def _has(self, *states: str) -> bool:
        return any(order.state in states for order in self.promises.orders.values())

    def _under_way(self) -> int:
        return sum(order.state not in FINAL for order in self.promises.orders.values())

    def _one(self, which: int, *states: str) -> Order:
        found = [pk for pk, order in self.promises.orders.items() if not states or order.state in states]
        return Order.objects.get(pk=found[which % len(found)])

    def _campaign(self, which: int) -> int:
        return list(self.promises.campaigns)[which % len(self.promises.campaigns)]

    def _command(self, which: int) -> int:
        """Return a command, one of the newest, for those are open."""
        newest = list(self.promises.commands)[-4:]
        return newest[which % len(newest)]

    def _begin(self, deed: Callable[[Callable[[], datetime]], object], place: int | str) -> None:
        def run(worker: Worker) -> object:
            def clock() -> datetime:
                worker.look()
                return self.now

            return deed(clock)

        worker = Worker(run, place)
        if worker.is_stopped:
            self.stopped.append(worker)

    def _refused(self, deed: Callable[[], object]) -> bool:
        """Do the deed; say whether it was refused, in which case nothing may have changed."""
        before = self._versions()
        try:
            deed()
        except (Refused, ValidationError):
            assert self._versions() == before
            return True
        return False

    def _versions(self) -> list[Any]:
        rows = (model._default_manager.count() for model in (Event, Settlement, Campaign, Command))
        return [*Order.objects.order_by("pk").values_list("pk", "state", "version"), *rows]

    def _ids(self, order: Order, kind: str) -> list[str]:
        own = [each for accepted in self.flow.of(order.order_ref) for each in accepted.tracking_ids]
        others = [each for accepted in self.flow.accepted for each in accepted.tracking_ids if each not in own]
        return {
            "its own": own,
            "of another": others[-1:],
            "foreign": [*own, "foreign_1"],
            "not there": [*own, "queue_nowhere"],
            "blank": [*own, " "],
            "twice": own * 2,
            "none": [],
        }[kind]

    def _settle(self, order: Order, resolution: Resolution, ids: list[str], user: User) -> None:
        ids = ids if resolution is Resolution.LIVE else []

        has_campaigns = order.campaigns.exists()

        def deed() -> None:
            result = settling.settle(
                order.pk, resolution, tracking_ids=ids, evidence="Seen at Flow.", user=user, now=self.now
            )
            assert not (has_campaigns and resolution is Resolution.NOT_LIVE), "it would be sent although it is live"
            if result.settled:
                self.promises.people_settled(order, resolution)

        self._refused(deed)

    def _let_the_dust_settle(self) -> None:
        """Let the workers that are left die, time pass and Flow answer well: nothing may be left half done."""
        for worker in self.stopped:
            worker.kill()
        self.stopped.clear()
        for _ in range(3):
            self._pass(timedelta(hours=1))
            publishing.recover_expired_leases(self.now)
            self.flow.answer = "202"
            for order_id in publishing.due_orders(self.now, 100):
                publishing.publish_order(order_id, clock=self._clock)
        self.promises.check()
        self.promises.check_at_rest()


@pytest.fixture
def console(db: None, flow: Flow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> type[Console]:
    """The machine, with a clock for deadlines that goes with the stories' own."""
    caplog.set_level(logging.CRITICAL, "campaigns")
    monkeypatch.setattr(deadlines, "now", lambda: (Console.now - NOW).total_seconds())
    stop_before_posts(monkeypatch)
    branch, careful = make_branch(), make_branch(approval_threshold=0)
    plan, listings = make_plan(), [make_listing(branch), make_listing(careful)]
    contents = [
        Content(plan, branch, (listings[0],)),
        Content(plan, careful, (listings[1],)),
        Content(plan, branch, (listings[0],), budget_override=plan.default_budget * 2),
    ]
    settlers = [make_user(name, "settle_order") for name in ("carl", "dora")]
    Console.stage = Stage(
        author=make_user("anna", *WRITES, "command_campaign"),
        approver=make_user("ben", "view_order", "approve_order"),
        settlers=[*settlers, make_user("eve", "settle_order", "settle_alone")],
        contents=contents,
        flow=FlowLedger(flow),
    )
    return Console


@pytest.mark.timeout(3600)  # a failing story is shortened before it is told
def test_the_promises_hold_after_every_step_of_every_story(
    console: type[Console], request: pytest.FixtureRequest
) -> None:
    common: dict[str, Any] = {
        "database": None,
        "deadline": None,
        "print_blob": True,
        "suppress_health_check": list(HealthCheck),
        "phases": [Phase.generate, Phase.shrink],
    }
    if request.config.getoption("--chaos-long", default=False):
        number = secrets.randbelow(2**32)
        print(f"The stories' seed is {number}")  # noqa: T201 - to tell them again
        longer = settings(max_examples=400, stateful_step_count=60, **common)
        run_state_machine_as_test(seed(number)(console), settings=longer)
    else:
        stories = 50 if connection.vendor == "sqlite" else 25  # a server answers more slowly
        short = settings(derandomize=True, max_examples=stories, stateful_step_count=40, **common)
        run_state_machine_as_test(console, settings=short)


EVE = 2  # who settles alone
STORIES: dict[str, Callable[[Console], list[Callable[[], object]]]] = {
    "a late answer while another attempt is in doubt": lambda story: [
        lambda: story.deliver_and_sleep_through_the_lease(0, "202", 4),
        lambda: story.settle(0, Resolution.NOT_LIVE, "none", EVE),
        lambda: story.deliver(0, "500 instead"),
        lambda: story.go_on(0, "202"),
        lambda: story.settle(0, Resolution.NOT_LIVE, "none", EVE),
        lambda: story.settle(0, Resolution.LIVE, "its own", EVE),
    ],
    "a worker that wakes up before its POST when people have settled": lambda story: [
        lambda: story.deliver_and_sleep_through_the_lease(0, "202", BEFORE_POST),
        lambda: story.settle(0, Resolution.NOT_LIVE, "none", EVE),
        lambda: story.deliver(0, "202"),
        lambda: story.go_on(0, "202"),
    ],
    "a worker that wakes up before it claims what another has in doubt": lambda story: [
        lambda: story.deliver_and_stop(0, "202", 2),
        lambda: story.deliver(0, "reset afterwards"),
        lambda: story.go_on(0, "202"),
        lambda: story.settle(0, Resolution.LIVE, "its own", EVE),
    ],
}


@pytest.mark.parametrize("name", sorted(STORIES))
def test_the_promises_hold_in_a_story_that_chance_seldom_tells(console: type[Console], name: str) -> None:
    story = console()
    try:
        story.build(0, True)
        story.the_promises_hold()
        for step in STORIES[name](story):
            step()
            story.the_promises_hold()
    finally:
        story.teardown()
