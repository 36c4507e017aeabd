"""Alerts are mailed: failures at once, successes in the morning, one mail a person, once each, whatever fails meanwhile."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from pytest_django import Settings

from campaigns.domain.alerts import AlertKind, Channel
from campaigns.domain.states import ActorKind
from campaigns.flow import remember
from campaigns.models import Alert, Order
from campaigns.services import alerting
from campaigns.services.alert_mailing import MailResult, mail_alerts
from campaigns.services.history import record
from tests.factories import make_branch, make_user
from tests.services import mail_server
from tests.services.building import MINUTE, NOW, SECOND, at_once, draft

pytestmark = pytest.mark.django_db
Outbox = list[EmailMessage]
MORNING = NOW + timedelta(hours=20)  # 07:00 in Johannesburg, where it is eleven when it is nine in UTC
NONE = MailResult()


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
    assert order.order_ref in mail.body
    assert other.order_ref in mail.body
    assert "http" not in mail.body


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
    assert [mail.subject for mail in mailoutbox] == ["Daily digest: 1 alert"]


def test_the_digest_is_a_mail_of_its_own(order: Order, sue: User, mailoutbox: Outbox) -> None:
    published(order)
    rejected(order, now=MORNING)
    mail_alerts(MORNING)
    assert sorted(mail.subject for mail in mailoutbox) == [
        "Daily digest: 1 alert",
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
