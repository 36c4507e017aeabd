"""Alerts are mailed: failures at once, successes in the morning, one mail a person, once each, whatever fails meanwhile."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db.models import QuerySet
from pytest_django import Settings

from campaigns.domain.alerts import AlertKind, Channel
from campaigns.domain.states import ActorKind
from campaigns.flow import remember
from campaigns.models import Alert, Campaign, Listing, Order
from campaigns.services import alert_mailing, alerting, orders, watching
from campaigns.services.alert_mail import message
from campaigns.services.alert_mailing import MailResult, mail_alerts
from campaigns.services.history import record
from tests.factories import make_branch, make_listing, make_plan, make_user
from tests.services import mail_server
from tests.services.building import MINUTE, NOW, SECOND, at_once, awaiting, draft, publish, queued
from tests.services.flow_server import Flow

pytestmark = pytest.mark.django_db
Outbox = list[EmailMessage]
MORNING = NOW + timedelta(hours=20)  # 07:00 in Johannesburg, where it is eleven when it is nine in UTC
NONE = MailResult()


@pytest.fixture(autouse=True)
def _flow_is_no_stand_in(settings: Settings) -> None:
    settings.FLOW_IS_LOCAL = False


@pytest.fixture
def sue(db: None) -> User:
    return make_user("sue", "change_order", "submit_order", "view_order", email="sue@example.com")


@pytest.fixture
def order(author: User) -> Order:
    return draft(author, branch=make_branch(name="Sea Point"))


def rejected(order: Order, text: str = "Flow said no: unknown plan.", now: datetime = NOW) -> None:
    record("order.rejected", text, now=now, by=ActorKind.FLOW, order=order)
    alerting.raise_alerts(now)


def published(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(problem="")
    record("order.published", "Flow accepted the order.", now=NOW, by=ActorKind.FLOW, order=order)
    alert = {"kind": "published", "order": order, "event": order.events.latest("pk"), "channel": "digest"}
    Alert.objects.bulk_create(
        Alert(user=user, first_at=NOW, last_at=NOW, mail_at=MORNING, **alert) for user in User.objects.exclude(email="")
    )


def good_news(user: User, orders: list[Order], kind: str = "published") -> None:
    """Write an alert of what went well with each of the orders, for the next morning."""
    lines = [record(f"order.{kind}", "Flow took it.", now=NOW, by=ActorKind.FLOW, order=order) for order in orders]
    fields = {"user": user, "kind": kind, "first_at": NOW, "last_at": NOW, "mail_at": MORNING, "channel": "digest"}
    Alert.objects.bulk_create(Alert(order=line.order, event=line, **fields) for line in lines)


def uses(settings: Settings, server: mail_server.MailServer, timeout: float = 10) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, timeout


def test_a_failure_is_mailed_at_once_and_once(order: Order, sue: User, mailoutbox: Outbox, settings: Settings) -> None:
    settings.SITE_URL = "https://console.example.com"
    rejected(order)
    assert mail_alerts(NOW) == MailResult(mailed=["sue"])
    assert mail_alerts(NOW + MINUTE) == NONE
    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == (["sue@example.com"], f"Rejected: order {order.order_ref}")
    assert mail.body.splitlines() == [
        f"Rejected: order {order.order_ref}, 1,500.00 ZAR, branch Sea Point, 1 Jan 2030, 11:00 SAST",
        "  Flow said no: unknown plan.",
        f"  https://console.example.com/admin/campaigns/order/{order.pk}/change/",
        "",
        "How you are told of what: https://console.example.com/admin/alerts/settings/",
    ]
    assert [*Alert.objects.filter(user=sue).values_list("mail_at", "mailed_at")] == [(None, NOW)]


def test_all_that_is_due_for_a_person_is_one_mail(order: Order, author: User, sue: User, mailoutbox: Outbox) -> None:
    other = draft(author)
    rejected(order)
    rejected(other)
    assert mail_alerts(NOW).mailed == ["sue"]
    (mail,) = mailoutbox
    assert mail.subject == "2 alerts: rejected"
    place, later = other.branch.name, f"branch {other.branch.name}, 1 Jan 2030, 11:00 SAST"
    assert mail.body.splitlines() == [
        f"Rejected: 2 orders, 3,000.00 ZAR ({place} 1, Sea Point 1)",
        "",
        "One by one, the newest first:",
        "",
        f"Rejected: order {other.order_ref}, 1,500.00 ZAR, {later}",
        "  Flow said no: unknown plan.",
        "",
        f"Rejected: order {order.order_ref}, 1,500.00 ZAR, branch Sea Point, 1 Jan 2030, 11:00 SAST",
        "  Flow said no: unknown plan.",
        "",
        "How you are told of what: in the console, Alerts, Settings",
    ]


def test_a_mail_is_whole_although_the_person_reads_its_alerts_while_it_is_put_together(
    order: Order, sue: User, mailoutbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    rejected(order)

    def read_before(address: str, alerts: QuerySet[Alert], channel: Channel) -> EmailMessage:
        alerting.mark_all_read(sue, order.events.latest("pk").pk, now=NOW)
        return message(address, alerts, channel)

    monkeypatch.setattr(alert_mailing, "message", read_before)
    assert mail_alerts(NOW) == MailResult(mailed=["sue"])
    assert [mail.subject for mail in mailoutbox] == [f"Rejected: order {order.order_ref}"]
    assert mail_alerts(NOW + MINUTE) == NONE


def test_more_of_the_same_is_not_mailed_again_while_it_is_unread(order: Order, sue: User, mailoutbox: Outbox) -> None:
    rejected(order)
    mail_alerts(NOW)
    rejected(order, now=NOW + MINUTE)
    assert mail_alerts(NOW + MINUTE) == NONE
    alerting.mark_all_read(sue, order.events.latest("pk").pk, now=NOW + MINUTE)
    rejected(order, now=NOW + 2 * MINUTE)
    assert mail_alerts(NOW + 2 * MINUTE).mailed == ["sue"]
    assert len(mailoutbox) == 2


def test_successes_are_mailed_in_the_morning_and_only_where_there_are_any(
    order: Order, sue: User, mailoutbox: Outbox
) -> None:
    published(order)
    assert mail_alerts(MORNING - SECOND) == NONE
    assert mail_alerts(MORNING) == MailResult(mailed=["sue"])
    assert mail_alerts(MORNING + timedelta(days=1)) == NONE
    assert [mail.subject for mail in mailoutbox] == ["Daily digest, 1 alert: published"]


def test_the_digest_is_a_mail_of_its_own(order: Order, sue: User, mailoutbox: Outbox) -> None:
    published(order)
    rejected(order, now=MORNING)
    mail_alerts(MORNING)
    assert sorted(mail.subject for mail in mailoutbox) == [
        "Daily digest, 1 alert: published",
        f"Rejected: order {order.order_ref}",
    ]


def test_a_digest_tells_of_more_that_came_after_the_one_before(order: Order, sue: User, mailoutbox: Outbox) -> None:
    alerting.choose(sue, {AlertKind.REJECTED: Channel.DIGEST})
    rejected(order)
    mail_alerts(MORNING)
    rejected(order, now=MORNING + MINUTE)
    assert mail_alerts(MORNING + timedelta(hours=23)) == NONE
    assert mail_alerts(MORNING + timedelta(days=1)).mailed == ["sue"]
    assert "Rejected (2 times)" in mailoutbox[-1].body


def test_what_was_read_in_the_admin_is_not_mailed(order: Order, sue: User, mailoutbox: Outbox) -> None:
    rejected(order)
    alerting.mark_all_read(sue, order.events.latest("pk").pk, now=NOW)
    assert mail_alerts(NOW) == NONE
    assert mailoutbox == []


def test_a_doubt_has_its_reminders_and_no_mail_of_its_own_unless_somebody_chooses_it(
    order: Order, mailoutbox: Outbox
) -> None:
    make_user("sam", "settle_order", "view_order", email="sam@example.com")
    eager = make_user("eager", "settle_order", "view_order", email="eager@example.com")
    alerting.choose(eager, {AlertKind.DOUBT: Channel.AT_ONCE})
    record("order.in_doubt", "No answer.", now=NOW, by=ActorKind.SCHEDULER, order=order)
    alerting.raise_alerts(NOW)
    assert mail_alerts(NOW).mailed == ["eager"]
    assert Alert.objects.filter(kind="doubt").count() == 2


def test_a_digest_is_one_mail_with_the_true_numbers_and_the_newest_alone(
    author: User, sue: User, mailoutbox: Outbox, settings: Settings
) -> None:
    settings.SITE_URL = "https://console.example.com"
    places = [make_branch(name=name) for name in ("Sea Point", "Umhlanga")]
    orders = [draft(author, branch=places[number % 3 == 0]) for number in range(31)]
    euros = draft(author, branch=places[1], plan=make_plan(currency="EUR", default_budget="99.50"))
    good_news(sue, [*orders, euros])
    good_news(sue, orders[:2], "live")
    assert mail_alerts(MORNING).mailed == ["sue"]
    assert mail_alerts(MORNING + timedelta(hours=23)) == NONE
    (mail,) = mailoutbox
    lines = mail.body.splitlines()
    assert mail.subject == "Daily digest, 34 alerts: published 32, live 2"
    assert lines[:5] == [
        "Published: 32 orders, 99.50 EUR, 46,500.00 ZAR (Sea Point 20, Umhlanga 12)",
        "Live: 2 orders, 3,000.00 ZAR (Sea Point 1, Umhlanga 1)",
        "",
        "30 of 34, the newest first:",
        "",
    ]
    assert len([line for line in lines if line.startswith(("Published: order", "Live: order"))]) == 30
    assert lines[5].startswith(f"Live: order {orders[1].order_ref}, ")
    assert lines[-3] == "And 4 more: https://console.example.com/admin/alerts/?show=news"
    assert not Alert.objects.filter(user=sue, mailed_at=None).exists()


def test_what_asks_for_the_person_is_not_lost_behind_good_news(
    order: Order, author: User, sue: User, mailoutbox: Outbox
) -> None:
    alerting.choose(sue, {AlertKind.REJECTED: Channel.DIGEST})
    rejected(order)
    good_news(sue, [draft(author) for _ in range(30)])
    mail_alerts(MORNING)
    lines = mailoutbox[0].body.splitlines()
    assert mailoutbox[0].subject == "Daily digest, 31 alerts: rejected 1, published 30"
    assert lines[3] == "30 of 31, what asks for you first, then the newest:"
    assert lines[5].startswith(f"Rejected: order {order.order_ref}, ")
    assert lines[-3] == "And 1 more: in the console, Alerts"


def test_a_digest_names_the_branches_with_the_most_and_counts_the_others(
    author: User, sue: User, mailoutbox: Outbox
) -> None:
    good_news(sue, [draft(author, branch=make_branch(name=f"Place {number}")) for number in range(7)])
    mail_alerts(MORNING)
    assert mailoutbox[0].body.splitlines()[0] == (
        "Published: 7 orders, 10,500.00 ZAR (Place 0 1, Place 1 1, Place 2 1, Place 3 1, Place 4 1, 2 other branches 2)"
    )


def test_what_is_due_after_the_digest_of_the_day_waits_for_the_next(
    order: Order, author: User, sue: User, mailoutbox: Outbox
) -> None:
    good_news(sue, [order])
    mail_alerts(MORNING)
    good_news(sue, [draft(author)])
    assert mail_alerts(MORNING + MINUTE) == NONE
    assert [*Alert.objects.filter(mailed_at=None).values_list("mail_at", flat=True)] == [MORNING + timedelta(days=1)]
    assert mail_alerts(MORNING + timedelta(days=1)).mailed == ["sue"]
    assert len(mailoutbox) == 2


def test_a_listing_that_is_gone_is_one_entry_with_all_its_campaigns_and_their_money(
    author: User, flow: Flow, mailoutbox: Outbox, settings: Settings
) -> None:
    make_user("carl", "command_campaign", "view_campaign", email="carl@example.com")
    listing = make_listing(make_branch(name="Sea Point"), title="Sunny flat", external_id="L-1")
    for number in range(3):
        flow.on_publish(flow.accepts(f"queue_{number}"))
        publish(queued(author, branch=listing.branch, listings=(listing,)))
    Campaign.objects.update(phase="live")
    Listing.objects.filter(pk=listing.pk).update(status="sold")
    watching.watch(NOW)
    alerting.raise_alerts(NOW)
    settings.SITE_URL = "https://console.example.com"
    mail_alerts(NOW)
    (mail,) = mailoutbox
    assert mail.subject == "Pause proposed: listing Sunny flat (L-1)"
    assert mail.body.splitlines() == [
        "Pause proposed: listing Sunny flat (L-1), branch Sea Point, 1 Jan 2030, 11:00 SAST",
        "  The listing is sold, and 3 campaigns run for it: pause them? Their orders are for 4,500.00 ZAR.",
        "  https://console.example.com/admin/campaigns/campaign/pause-proposals/",
        "",
        "How you are told of what: https://console.example.com/admin/alerts/settings/",
    ]


def test_a_listing_has_its_campaigns_and_money_in_the_totals_as_well(
    order: Order, author: User, flow: Flow, mailoutbox: Outbox
) -> None:
    make_user("carl", "command_campaign", "view_campaign", "change_order", "view_order", email="carl@example.com")
    listing = make_listing(make_branch(name="Umhlanga"))
    for number in range(2):
        flow.on_publish(flow.accepts(f"queue_{number}"))
        publish(queued(author, branch=listing.branch, listings=(listing,)))
    Campaign.objects.update(phase="live")
    Listing.objects.filter(pk=listing.pk).update(status="sold")
    watching.watch(NOW)
    rejected(order)
    mail_alerts(NOW)
    (mail,) = mailoutbox
    assert mail.subject == "2 alerts: rejected 1, pause proposed 1"
    assert mail.body.splitlines()[:2] == [
        "Rejected: 1 order, 1,500.00 ZAR (Sea Point 1)",
        "Pause proposed: 1 listing, 2 campaigns, 3,000.00 ZAR (Umhlanga 2)",
    ]


def test_who_had_a_hand_in_an_order_is_mailed_the_approver_s_comment(
    author: User, approver: User, mailoutbox: Outbox
) -> None:
    User.objects.filter(pk=author.pk).update(email="anna@example.com")
    order = awaiting(author)
    orders.reject(order.pk, order.version, comment="Spend half.", user=approver, now=NOW)
    alerting.raise_alerts(NOW)
    assert mail_alerts(NOW) == MailResult(mailed=["anna"])
    assert mailoutbox[0].subject == f"Not approved: order {order.order_ref}"
    assert "  ben did not approve the order: Spend half." in mailoutbox[0].body.splitlines()


# Rehearsals ----------------------------------------------------------------------------------------------------------
def test_a_mail_with_rehearsals_and_real_money_says_which_is_which(
    order: Order, author: User, sue: User, mailoutbox: Outbox, settings: Settings
) -> None:
    settings.FLOW_IS_LOCAL = True
    rehearsal = queued(author)
    settings.FLOW_IS_LOCAL = False
    rejected(rehearsal)
    rejected(order)
    mail_alerts(NOW)
    (mail,) = mailoutbox
    lines = mail.body.splitlines()
    assert mail.subject == "Partly rehearsal: 2 alerts: rejected"
    assert lines[:2] == [
        "Rejected: 1 order, 1,500.00 ZAR (Sea Point 1)",
        f"Rehearsal. Rejected: 1 order, 1,500.00 ZAR ({rehearsal.branch.name} 1)",
    ]
    assert lines[5].startswith(f"Rejected: order {order.order_ref}")
    assert lines[8].startswith(f"Rehearsal. Rejected: order {rehearsal.order_ref}")


def test_a_mail_of_rehearsals_alone_says_so_in_its_subject(
    author: User, sue: User, mailoutbox: Outbox, settings: Settings
) -> None:
    settings.FLOW_IS_LOCAL = True
    rehearsal = queued(author)
    settings.FLOW_IS_LOCAL = False
    rejected(rehearsal)
    mail_alerts(NOW)
    assert mailoutbox[0].subject == f"Rehearsal, no real money: Rejected: order {rehearsal.order_ref}"


def test_while_a_stand_in_is_in_flow_s_place_the_whole_mail_and_each_entry_say_so(
    order: Order, sue: User, mailoutbox: Outbox, settings: Settings
) -> None:
    settings.FLOW_IS_LOCAL = True
    rejected(order)
    mail_alerts(NOW)
    (mail,) = mailoutbox
    assert mail.subject == f"Rehearsal, no real money: Rejected: order {order.order_ref}"
    assert mail.body.splitlines()[:3] == [
        "Rehearsal: a stand-in is in Flow's place, and no real money is spent.",
        "",
        f"Rehearsal. Rejected: order {order.order_ref}, 1,500.00 ZAR, branch Sea Point, 1 Jan 2030, 11:00 SAST",
    ]


# Whom ----------------------------------------------------------------------------------------------------------------
def test_whoever_may_not_see_it_any_more_gets_no_mail(order: Order, sue: User, mailoutbox: Outbox) -> None:
    rejected(order)
    sue.user_permissions.clear()
    assert mail_alerts(NOW) == NONE
    assert mailoutbox == []
    assert not Alert.objects.filter(mail_at__isnull=False, user=sue).exists()


@pytest.mark.parametrize("fields", [{"email": ""}, {"email": "a@b.example\nBcc: x@y.example"}, {"is_active": False}])
def test_whoever_cannot_be_reached_gets_no_mail_and_keeps_the_alert(
    order: Order, sue: User, mailoutbox: Outbox, fields: dict[str, object]
) -> None:
    rejected(order)
    User.objects.filter(pk=sue.pk).update(**fields)
    assert mail_alerts(NOW) == NONE
    assert mailoutbox == []
    assert [*Alert.objects.filter(user=sue).values_list("mail_at", "mailed_at", "read_at")] == [(None, None, None)]


def test_hostile_words_are_one_line_and_nothing_secret_is_in_the_mail(
    order: Order, sue: User, mailoutbox: Outbox
) -> None:
    remember("a-key-that-nobody-reads")
    rejected(order, f"a-key-that-nobody-reads\u202e\x07\nSubject: x {'y' * 500}")
    mail_alerts(NOW)
    line = mailoutbox[0].body.splitlines()[1]
    assert line.startswith("  [redacted] Subject: x yyy")
    assert line.endswith("y…")
    assert len(line) < 420


# What fails ----------------------------------------------------------------------------------------------------------
def test_a_mail_server_that_is_gone_loses_nothing(
    order: Order, sue: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with mail_server.running() as server:
        uses(settings, server)
    rejected(order)
    assert mail_alerts(NOW) == MailResult(failed=["sue"])
    assert "A mail of alerts to sue did not go out: ConnectionRefusedError" in caplog.text
    assert mail_alerts(NOW + 29 * SECOND) == NONE
    assert mail_alerts(NOW + 30 * SECOND) == MailResult(failed=["sue"])
    with mail_server.running() as server:
        uses(settings, server)
        assert mail_alerts(NOW + 89 * SECOND) == NONE
        assert mail_alerts(NOW + 90 * SECOND) == MailResult(mailed=["sue"])
    assert len(server.taken) == 1
    assert mail_alerts(NOW + timedelta(hours=1)) == NONE


def test_one_mail_that_is_refused_keeps_no_other_from_going_out(
    order: Order, author: User, sue: User, settings: Settings
) -> None:
    rejected(order)
    tom = make_user("tom", "change_order", "view_order", email="tom@example.com")
    other = draft(author)
    rejected(other)
    Alert.objects.filter(user=sue).exclude(order=order).delete()
    assert Alert.objects.filter(user=tom).get().order == other
    with mail_server.running(refuses=order.order_ref) as server:
        uses(settings, server)
        assert mail_alerts(NOW) == MailResult(mailed=["tom"], failed=["sue"])
    assert server.recipients == [["tom@example.com"]]


def test_a_mail_server_that_says_nothing_holds_nobody_for_long(
    order: Order, sue: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    make_user("tom", "change_order", "view_order", email="tom@example.com")
    rejected(order)
    with mail_server.running(silent=True) as server:
        uses(settings, server, timeout=2)
        assert mail_alerts(NOW, stop_after=1.5) == MailResult(failed=["sue"])
    assert server.calls == 1
    assert "Mails of alerts take too long; the rest follows in a minute." in caplog.text


class Killed(BaseException):
    """The worker dies here: nothing after it is done."""


def test_a_mail_over_which_a_worker_died_goes_out_after_all(
    order: Order, sue: User, mailoutbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_: EmailMessage) -> int:
        raise Killed

    rejected(order)
    with monkeypatch.context() as patch:
        patch.setattr(EmailMessage, "send", die)
        with pytest.raises(Killed):
            mail_alerts(NOW)
    assert mail_alerts(NOW + 5 * MINUTE - SECOND) == NONE  # its worker may still be at it
    assert mail_alerts(NOW + 5 * MINUTE).mailed == ["sue"]
    assert len(mailoutbox) == 1


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_mail_it_once(order: Order, sue: User, mailoutbox: Outbox) -> None:
    rejected(order)
    results = at_once(*[lambda: mail_alerts(NOW)] * 4)
    assert sorted(result.mailed for result in results if isinstance(result, MailResult)) == [[], [], [], ["sue"]]
    assert len(mailoutbox) == 1
