"""Alerts are made of what happened, for the people whom it concerns: once each, whoever makes them and however often."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from campaigns import selectors
from campaigns.domain.alerts import AlertKind, Channel
from campaigns.domain.states import Action, ActorKind, Resolution
from campaigns.models import Alert, AlertCursor, Campaign, Event, Listing, Order
from campaigns.services import alerting, commands, orders, watching
from campaigns.services.alerting import choose, forget, mark_all_read, mark_read, raise_alerts
from campaigns.services.commenting import comment
from campaigns.services.content import Content
from campaigns.services.history import record
from campaigns.services.settling import settle
from tests.factories import make_branch, make_listing, make_user, may
from tests.flow.nasty_server import says
from tests.services.building import DAY, MINUTE, NOW, SECOND, at_once, awaiting, draft, kinds, publish, queued, reload
from tests.services.flow_server import Flow

pytestmark = pytest.mark.django_db
Told = list[tuple[str, str]]


def told() -> Told:
    """Return who has an unread alert of which kind, in order."""
    unread = Alert.objects.filter(read_at__isnull=True)
    return sorted((alert.user.get_username(), alert.kind) for alert in unread.select_related("user"))


def in_doubt(author: User, flow: Flow, **fields: Any) -> Order:
    flow.on_publish(says(500))
    order = queued(author, **fields)
    publish(order)
    return reload(order)


def published(author: User, flow: Flow, **fields: Any) -> Order:
    flow.on_publish(flow.accepts())
    order = queued(author, **fields)
    publish(order)
    return reload(order)


def sent_back(author: User, approver: User) -> Order:
    """Return a draft that the approver did not approve."""
    order = awaiting(author)
    return orders.reject(order.pk, order.version, comment="Spend half.", user=approver, now=NOW)


def live(author: User, flow: Flow, listing: Listing) -> Campaign:
    """Return a live campaign for the listing."""
    flow.on_publish(flow.accepts(f"queue_{Campaign.objects.count()}"))
    order = queued(author, branch=listing.branch, listings=(listing,))
    publish(order)
    order.campaigns.update(phase="live")
    return order.campaigns.get()


def gone(*listings: Listing) -> None:
    """Sell the listings, and let the console notice and tell of it."""
    Listing.objects.filter(pk__in=[listing.pk for listing in listings]).update(status="sold")
    watching.watch(NOW)
    raise_alerts(NOW)


def alerts_of(user: User) -> list[Alert]:
    """Return what the person has not read of listings."""
    return list(selectors.unread_alerts(user).filter(listing__isnull=False).order_by("count"))


@pytest.fixture
def carl(db: None) -> User:
    """Somebody who commands campaigns."""
    return make_user("carl", "command_campaign", "view_campaign")


def status(order: Order, before: str, after: str) -> Event:
    """Write the line that a sync writes when Flow's status has changed."""
    data = {"flow_status": [before, after], "phase": [before, after]}
    return record(
        "campaign.status", f"Flow: {after}.", now=NOW, by=ActorKind.FLOW, campaign=order.campaigns.first(), data=data
    )


# Whom ----------------------------------------------------------------------------------------------------------------
def test_a_doubt_concerns_those_of_the_branch_who_may_settle_it_and_see_it(author: User, flow: Flow) -> None:
    branch = make_branch()
    make_user("sue", "settle_order", "view_order", branches=[branch])
    make_user("far", "settle_order", "view_order", branches=[make_branch()])
    make_user("blind", "settle_order", branches=[branch])
    make_user("reader", "view_order", branches=[branch])
    make_user("gone", "settle_order", "view_order", branches=[branch], is_active=False)
    make_user("everywhere", "settle_order", "view_order")
    in_doubt(author, flow, branch=branch)
    assert raise_alerts(NOW) == 2
    assert told() == [("everywhere", "doubt"), ("sue", "doubt")]


def test_an_order_that_waits_for_approval_concerns_those_who_may_approve_it(author: User, approver: User) -> None:
    may(author, "approve_order")
    awaiting(author)
    raise_alerts(NOW)
    assert told() == [("ben", "approval")]


def test_an_order_that_needs_nobody_or_is_approved_already_waits_for_nobody(author: User, approver: User) -> None:
    queued(author)
    order = awaiting(author)
    orders.approve(order.pk, order.version, user=approver, now=NOW)
    raise_alerts(NOW)
    assert told() == []


def test_an_order_that_was_not_approved_concerns_all_who_had_a_hand_in_it(author: User, approver: User) -> None:
    edit, submit = "change_order", "submit_order"
    pam, tom = make_user("pam", "view_order", edit), make_user("tom", "view_order", submit)
    make_user("zoe", "view_order", edit, submit, "approve_order")
    order = draft(author, branch=make_branch(approval_threshold=0))
    changed = replace(Content.of(order), budget_override=Decimal(8000))
    order = orders.edit_order(order.pk, order.version, changed, user=pam, now=NOW)
    order = orders.submit(order.pk, order.version, user=tom, now=NOW)
    orders.reject(order.pk, order.version, comment="Spend half.", user=approver, now=NOW)
    raise_alerts(NOW)
    assert told() == [("anna", "not_approved"), ("pam", "not_approved"), ("tom", "not_approved")]
    alert = Alert.objects.get(user=tom, read_at=None)
    assert alert.event.text == "ben did not approve the order: Spend half."
    assert (alert.channel, alert.mail_at) == ("at_once", NOW)


def test_whoever_chose_so_is_not_told_that_an_order_was_not_approved(author: User, approver: User) -> None:
    choose(author, {AlertKind.NOT_APPROVED: Channel.OFF})
    sent_back(author, approver)
    raise_alerts(NOW)
    assert told() == []


def test_an_author_who_left_the_branch_is_not_told(author: User, approver: User) -> None:
    order = sent_back(author, approver)
    author.user_permissions.clear()
    may(author, "view_order")
    raise_alerts(NOW)
    assert told() == []
    assert order.branch not in author.branches.all()


def test_a_mention_concerns_whom_it_names_but_not_who_wrote_it(author: User) -> None:
    may(author, "comment_order")
    make_user("sue", "view_order")
    make_user("tom", "view_order")
    comment(draft(author).pk, "@sue and @anna, look.", user=author, now=NOW)
    raise_alerts(NOW)
    assert told() == [("sue", "mentioned")]


def test_what_somebody_did_themselves_is_no_alert_for_them(author: User, flow: Flow) -> None:
    order = in_doubt(author, flow)
    flow.statuses["queue_9"] = "live"
    alone = make_user("alone", "settle_order", "settle_alone", "submit_order", "view_order")
    settle(order.pk, Resolution.LIVE, tracking_ids=["queue_9"], user=alone, now=NOW)
    raise_alerts(NOW)
    assert told() == [("anna", "published")]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [("live", "failed", "campaign_failed"), ("queued", "live", "live"), ("live", "completed", "completed")],
)
def test_what_becomes_of_a_campaign_concerns_those_who_command_it(
    author: User, flow: Flow, before: str, after: str, kind: str
) -> None:
    order = published(author, flow)
    raise_alerts(NOW)
    make_user("carl", "command_campaign", "view_campaign", "view_order")
    status(order, before, after)
    raise_alerts(NOW)
    assert ("carl", kind) in told()
    assert Alert.objects.get(kind=kind).campaign == (order.campaigns.first() if kind == "campaign_failed" else None)


def test_a_failed_command_ends_when_somebody_asks_again(author: User, flow: Flow) -> None:
    order = published(author, flow)
    carl = make_user("carl", "command_campaign", "view_campaign")
    campaign = order.campaigns.first()
    line = record("campaign.pause_failed", "Gone.", now=NOW, by=ActorKind.SCHEDULER, campaign=campaign)
    raise_alerts(NOW)
    alert = Alert.objects.get(user=carl)
    assert (alert.kind, alert.campaign, alert.event) == ("command_failed", campaign, line)
    record("campaign.pause_asked", "anna asked.", now=NOW, by=author, campaign=order.campaigns.first())
    raise_alerts(NOW + SECOND)
    alert.refresh_from_db()
    assert (alert.read_at, alert.mail_at) == (NOW + SECOND, None)


def test_an_order_that_flow_published_twice_is_an_alarm_and_no_success(author: User, flow: Flow) -> None:
    order = published(author, flow)
    make_user("sue", "settle_order", "view_order")
    Order.objects.filter(pk=order.pk).update(problem="Flow published this order twice.")
    raise_alerts(NOW)
    assert told() == [("sue", "doubt")]


# Once ----------------------------------------------------------------------------------------------------------------
def test_a_second_run_adds_nothing(author: User, flow: Flow) -> None:
    make_user("sue", "settle_order", "view_order")
    in_doubt(author, flow)
    raise_alerts(NOW)
    before = list(Alert.objects.values())
    assert raise_alerts(NOW + MINUTE) == 0
    assert list(Alert.objects.values()) == before
    assert AlertCursor.objects.get().event_id == Event.objects.latest("pk").pk


def test_more_of_the_same_raises_the_count_while_it_is_unread(author: User, flow: Flow) -> None:
    sue = make_user("sue", "view_order")
    may(author, "comment_order")
    order = draft(author)
    for number in range(3):
        comment(order.pk, f"@sue {number}", user=author, now=NOW + number * MINUTE)
        raise_alerts(NOW + number * MINUTE)
    alert = Alert.objects.get(user=sue)
    assert (alert.count, alert.first_at, alert.last_at) == (3, NOW, NOW + 2 * MINUTE)
    assert alert.event.data["text"] == "@sue 2"

    mark_read(sue, alert.pk, now=NOW + 3 * MINUTE)
    comment(order.pk, "@sue 3", user=author, now=NOW + 4 * MINUTE)
    raise_alerts(NOW + 4 * MINUTE)
    assert [*Alert.objects.order_by("pk").values_list("count", flat=True)] == [3, 1]


def test_many_campaigns_of_an_order_that_go_live_are_one_alert(author: User, flow: Flow) -> None:
    flow.on_publish(flow.accepts("queue_1", "queue_2"))
    order = queued(author)
    publish(order)
    make_user("carl", "command_campaign", "view_campaign", "view_order")
    for campaign in order.campaigns.all():
        data = {"phase": ["queued", "live"]}
        record("campaign.status", "Flow: live.", now=NOW, by=ActorKind.FLOW, campaign=campaign, data=data)
    raise_alerts(NOW)
    (alert,) = Alert.objects.filter(kind="live")
    assert (alert.count, alert.campaign) == (2, None)


def test_the_campaigns_of_a_listing_that_is_gone_are_one_alert(
    author: User, carl: User, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerting, "BATCH", 4)
    sold, other = make_listing(make_branch(name="Sea Point")), make_listing(make_branch(name="Umhlanga"))
    for listing in (sold, sold, sold, other):
        live(author, flow, listing)
    gone(sold, other)
    assert [(alert.listing, alert.branch, alert.count) for alert in alerts_of(carl)] == [
        (other, other.branch, 1),
        (sold, sold.branch, 3),
    ]
    assert {figure.number for figure in selectors.pauses_told_of(alerts_of(carl)).values()} == {1, 3}
    assert selectors.pressing_alerts(carl).count() == 2


def test_a_listing_with_campaigns_of_two_branches_is_an_alert_in_each(author: User, carl: User, flow: Flow) -> None:
    here, there = make_branch(), make_branch()
    listing = make_listing(here)
    live(author, flow, listing)
    Listing.objects.filter(pk=listing.pk).update(branch=there)
    listing.refresh_from_db()
    live(author, flow, listing)
    make_user("hal", "command_campaign", "view_campaign", branches=[here])
    gone(listing)
    found = Alert.objects.filter(listing=listing).order_by("user__username", "branch")
    assert [(alert.user.username, alert.branch) for alert in found] == [("carl", here), ("carl", there), ("hal", here)]


def test_whoever_may_not_see_campaigns_hears_nothing_of_a_listing_that_is_gone(author: User, flow: Flow) -> None:
    make_user("blind", "command_campaign", "view_order")
    listing = make_listing()
    live(author, flow, listing)
    gone(listing)
    assert not Alert.objects.filter(listing=listing).exists()


def test_what_happened_in_more_than_one_batch_is_all_told(
    author: User, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerting, "BATCH", 2)
    make_user("sue", "settle_order", "view_order")
    for _ in range(3):
        in_doubt(author, flow)
    assert raise_alerts(NOW) == 3
    assert told() == [("sue", "doubt")] * 3


class Killed(BaseException):
    """The worker dies here: nothing after it is done."""


def test_a_run_that_dies_half_way_has_told_nothing_and_the_next_tells_all(
    author: User, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user("sue", "settle_order", "view_order")
    for _ in range(2):
        in_doubt(author, flow)
    last = Event.objects.latest("pk")

    create = QuerySet.bulk_create

    def die(rows: Any, *args: Any, **kwargs: Any) -> Any:
        if rows.model is Alert and rows.exists():
            raise Killed
        return create(rows, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(QuerySet, "bulk_create", die)
        with pytest.raises(Killed):
            raise_alerts(NOW)
    assert not Alert.objects.exists()
    assert not AlertCursor.objects.filter(event_id__gt=0).exists()

    raise_alerts(NOW)
    assert told() == [("sue", "doubt")] * 2
    assert AlertCursor.objects.get().event_id == last.pk


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_tell_everything_once(author: User, flow: Flow) -> None:
    make_user("sue", "settle_order", "view_order")
    for _ in range(3):
        in_doubt(author, flow)
    results = at_once(*[lambda: raise_alerts(NOW)] * 4)
    assert sum(result for result in results if isinstance(result, int)) == 3
    assert [*Alert.objects.values_list("kind", "count")] == [("doubt", 1)] * 3


@pytest.mark.django_db(transaction=True)
def test_what_is_written_while_alerts_are_made_is_not_missed(author: User) -> None:
    sue = make_user("sue", "view_order")
    may(author, "comment_order")
    drafts = [draft(author) for _ in range(6)]

    def talk(order: Order) -> None:
        for number in range(4):
            comment(order.pk, f"@sue {number}", user=author, now=NOW)

    talks = [lambda order=order: talk(order) for order in drafts]
    results = at_once(*talks, *[lambda: [raise_alerts(NOW) for _ in range(8)]] * 2)
    raise_alerts(NOW)

    assert [result for result in results if isinstance(result, Exception)] == []
    assert sorted(Alert.objects.filter(user=sue).values_list("order", "count")) == [(order.pk, 4) for order in drafts]


# Until when ----------------------------------------------------------------------------------------------------------
def test_an_approval_that_somebody_else_gave_waits_for_nobody_any_more(author: User, approver: User) -> None:
    make_user("bea", "approve_order", "view_order")
    order = awaiting(author)
    raise_alerts(NOW)
    assert told() == [("bea", "approval"), ("ben", "approval")]
    orders.approve(order.pk, order.version, user=approver, now=NOW)
    raise_alerts(NOW + SECOND)
    assert told() == []
    assert not Alert.objects.filter(mail_at__isnull=False).exists()


def test_a_doubt_ends_when_it_is_settled(author: User, flow: Flow) -> None:
    make_user("sue", "settle_order", "view_order")
    order, other = in_doubt(author, flow), in_doubt(author, flow)
    raise_alerts(NOW)
    alone = make_user("alone", "settle_order", "settle_alone")
    settle(order.pk, Resolution.ABANDON, evidence="Sold.", user=alone, now=NOW)
    raise_alerts(NOW)
    assert [alert.order for alert in Alert.objects.filter(read_at__isnull=True)] == [other]


def test_what_is_settled_as_not_live_is_no_doubt_where_it_can_not_be_sent_again_at_once(
    author: User, flow: Flow
) -> None:
    make_user("sue", "settle_order", "view_order")
    order = in_doubt(author, flow)
    raise_alerts(NOW)
    alone = make_user("alone", "settle_order", "settle_alone")
    settle(order.pk, Resolution.NOT_LIVE, evidence="We looked.", user=alone, now=NOW)
    flow.on_publish(says(429, {}))
    publish(order)
    assert (reload(order).state, bool(reload(order).problem)) == ("queued", True)
    raise_alerts(NOW)
    assert told() == []


@pytest.mark.parametrize("ends", ["submit", "cancel"])
def test_that_an_order_was_not_approved_ends_when_it_goes_on(author: User, approver: User, ends: str) -> None:
    order = sent_back(author, approver)
    raise_alerts(NOW)
    assert told() == [("anna", "not_approved")]
    if ends == "submit":
        orders.submit(order.pk, order.version, user=author, now=NOW)
    else:
        orders.cancel(order.pk, order.version, reason="Sold.", user=author, now=NOW)
    raise_alerts(NOW + SECOND)
    assert ("anna", "not_approved") not in told()
    assert Alert.objects.get(kind="not_approved").mail_at is None


def test_an_order_that_is_submitted_again_before_anybody_was_told_is_no_news(author: User, approver: User) -> None:
    order = sent_back(author, approver)
    orders.submit(order.pk, order.version, user=author, now=NOW)
    raise_alerts(NOW)
    assert told() == [("ben", "approval")]


def test_the_alert_of_a_listing_ends_with_the_last_proposal(author: User, carl: User, flow: Flow) -> None:
    listing = make_listing()
    campaigns = [live(author, flow, listing) for _ in range(3)]
    gone(listing)
    commands.ask(campaigns[0].pk, Action.PAUSE, reason="Sold.", user=carl, now=NOW)
    proposal = campaigns[1].pause_proposals.get()
    watching.keep_running(proposal.pk, reason="It is free again soon.", user=carl, now=NOW)
    raise_alerts(NOW)
    assert [figure.number for figure in selectors.pauses_told_of(alerts_of(carl)).values()] == [1]
    Campaign.objects.filter(pk=campaigns[2].pk).update(phase="completed")
    watching.watch(NOW)
    raise_alerts(NOW + SECOND)
    assert alerts_of(carl) == []
    assert not Alert.objects.filter(kind="pause_proposed", mail_at__isnull=False).exists()


def test_a_proposal_that_is_answered_before_anybody_was_told_is_no_news(author: User, carl: User, flow: Flow) -> None:
    listing = make_listing()
    campaign = live(author, flow, listing)
    Listing.objects.filter(pk=listing.pk).update(status="sold")
    watching.watch(NOW)
    commands.ask(campaign.pk, Action.PAUSE, reason="Sold.", user=carl, now=NOW)
    raise_alerts(NOW)
    assert not Alert.objects.filter(kind="pause_proposed").exists()


def test_old_alerts_that_were_read_and_old_successes_are_forgotten(author: User, flow: Flow) -> None:
    sue = make_user("sue", "settle_order", "view_order")
    for _ in range(2):
        in_doubt(author, flow)
    published(author, flow)
    raise_alerts(NOW)
    assert told() == [("anna", "published"), ("sue", "doubt"), ("sue", "doubt")]
    mark_read(sue, Alert.objects.filter(kind="doubt").latest("pk").pk, now=NOW)
    assert forget(NOW + 30 * DAY) == 0
    assert forget(NOW + 30 * DAY + SECOND) == 2
    assert told() == [("sue", "doubt")]


# Stuck ---------------------------------------------------------------------------------------------------------------
def test_an_order_that_waits_for_a_quarter_of_an_hour_is_told_of_once(author: User) -> None:
    order = queued(author)
    make_user("ceo", "submit_order", "view_order")
    raise_alerts(NOW + 15 * MINUTE - SECOND)
    assert told() == []
    raise_alerts(NOW + 15 * MINUTE)
    raise_alerts(NOW + DAY)
    assert told() == [("anna", "stuck"), ("ceo", "stuck")]
    assert kinds(order) == ["order.created", "order.submitted", "order.stuck"]
    line = order.events.get(kind="order.stuck")
    assert line.text == "The order has waited in the queue for 15 min. No worker has taken it."
    assert (line.actor_kind, line.data) == ("scheduler", {"queued_since": "2030-01-01T09:00:00+00:00"})


def test_an_order_that_is_taken_after_all_is_not_stuck_any_more(author: User, flow: Flow) -> None:
    order = queued(author)
    raise_alerts(NOW + 20 * MINUTE)
    flow.on_publish(flow.accepts())
    publish(order, NOW + 21 * MINUTE)
    raise_alerts(NOW + 21 * MINUTE)
    assert told() == [("anna", "published")]


def test_an_order_that_is_queued_a_second_time_may_be_stuck_a_second_time(author: User) -> None:
    order = queued(author)
    raise_alerts(NOW + 20 * MINUTE)
    drafted = orders.return_to_draft(order.pk, order.version, user=author, now=NOW + 30 * MINUTE)
    orders.submit(order.pk, drafted.version, user=author, now=NOW + 40 * MINUTE)
    raise_alerts(NOW + 54 * MINUTE)
    assert kinds(order).count("order.stuck") == 1
    raise_alerts(NOW + 55 * MINUTE)
    assert kinds(order).count("order.stuck") == 2


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_find_a_stuck_order_once(author: User) -> None:
    order = queued(author)
    at_once(*[lambda: raise_alerts(NOW + 20 * MINUTE)] * 4)
    assert kinds(order).count("order.stuck") == 1
    assert [*Alert.objects.values_list("kind", "count")] == [("stuck", 1)]


# Reading and choosing ------------------------------------------------------------------------------------------------
def test_nobody_reads_the_alerts_of_others_nor_of_branches_that_they_left(author: User, flow: Flow) -> None:
    branch = make_branch()
    sue = make_user("sue", "settle_order", "view_order", branches=[branch])
    tom = make_user("tom", "settle_order", "view_order")
    in_doubt(author, flow, branch=branch)
    raise_alerts(NOW)
    alert = Alert.objects.get(user=sue)
    assert mark_read(tom, alert.pk, now=NOW) is False
    assert [*selectors.alerts_for(sue)] == [alert]
    branch.staff.remove(sue)
    assert [*selectors.alerts_for(sue)] == []
    assert (mark_read(sue, alert.pk, now=NOW), mark_all_read(sue, alert.event_id, now=NOW)) == (False, 0)
    alert.refresh_from_db()
    assert alert.read_at is None


def test_all_are_read_but_those_that_came_since(author: User, flow: Flow) -> None:
    sue = make_user("sue", "settle_order", "view_order")
    in_doubt(author, flow)
    raise_alerts(NOW)
    seen = Alert.objects.get().event_id
    in_doubt(author, flow)
    raise_alerts(NOW)
    assert mark_all_read(sue, seen, now=NOW) == 1
    assert [alert.event_id > seen for alert in selectors.unread_alerts(sue)] == [True]


def test_all_that_asks_is_read_apart_from_the_good_news(author: User, flow: Flow) -> None:
    sue = make_user("sue", "settle_order", "submit_order", "view_order")
    published(author, flow)
    in_doubt(author, flow)
    raise_alerts(NOW)
    last = Event.objects.latest("pk").pk
    assert mark_all_read(sue, last, now=NOW) == 1
    assert [alert.kind for alert in selectors.unread_alerts(sue)] == ["published"]
    assert mark_all_read(sue, last, now=NOW, good_news=True) == 1
    assert [*selectors.unread_alerts(sue)] == []


def test_each_person_chooses_how_each_kind_is_told(author: User, flow: Flow) -> None:
    choices = {"off": Channel.OFF, "admin": Channel.ADMIN, "digest": Channel.DIGEST}
    for name, channel in choices.items():
        choose(make_user(name, "change_order", "view_order"), {AlertKind.REJECTED: channel})
    make_user("default", "change_order", "view_order")
    flow.on_publish(says(400, {"error": "No."}))
    publish(queued(author))
    raise_alerts(NOW)
    found = {alert.user.get_username(): (alert.channel, alert.mail_at) for alert in Alert.objects.all()}
    assert found == {
        "anna": ("at_once", NOW),
        "default": ("at_once", NOW),
        "admin": ("admin", None),
        "digest": ("digest", NOW + timedelta(hours=20)),
    }


@pytest.mark.parametrize("kind", [AlertKind.DOUBT, AlertKind.MENTIONED])
def test_doubt_and_mentions_cannot_be_switched_off(author: User, kind: AlertKind) -> None:
    with pytest.raises(ValidationError) as refusal:
        choose(author, {AlertKind.REJECTED: Channel.OFF, kind: Channel.OFF})
    assert list(refusal.value.message_dict) == [kind.value]
    assert selectors.alert_channels(author)[AlertKind.REJECTED] is Channel.AT_ONCE


def test_a_choice_takes_the_place_of_the_one_before(author: User) -> None:
    for channel in (Channel.OFF, Channel.DIGEST):
        choose(author, {AlertKind.REJECTED: channel})
    assert selectors.alert_channels(author)[AlertKind.REJECTED] is Channel.DIGEST
    assert author.alert_choices.count() == 1
