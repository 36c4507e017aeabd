"""People are reminded of an order in doubt after 5 minutes, after an hour, then daily: once each, whatever fails meanwhile."""

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from pytest_django import Settings

from campaigns import selectors
from campaigns.domain.states import Resolution
from campaigns.flow import remember
from campaigns.models import Attempt, Event, Order, Reminder
from campaigns.services import history, publishing
from campaigns.services.reminding import RemindResult, remind
from campaigns.services.settling import settle
from tests.factories import make_branch, make_user
from tests.flow.nasty_server import says
from tests.services import mail_server
from tests.services.building import DAY, MINUTE, NOW, Clock, at_once, everything, kinds, publish, queued, reload
from tests.services.flow_server import Flow, meanwhile

HOUR = 60 * MINUTE
FIRST = NOW + 5 * MINUTE
Outbox = list[EmailMessage]


@pytest.fixture
def sue(db: None) -> User:
    return make_user("sue", "settle_order", email="sue@example.com")


@pytest.fixture
def tom(db: None) -> User:
    return make_user("tom", "settle_order", email="tom@example.com")


@pytest.fixture
def order(author: User, flow: Flow, sue: User, tom: User) -> Order:
    """An order in doubt since nine o'clock."""
    return in_doubt(author, flow)


def in_doubt(author: User, flow: Flow, *, at: datetime = NOW, took: timedelta = timedelta(0), **fields: Any) -> Order:
    """Return an order in doubt, after a POST that began then and took so long."""
    clock = Clock(at)

    def time_goes_on() -> None:
        clock.now = at + took

    flow.on_publish(meanwhile(time_goes_on, says(500)), flow.accepts())
    order = queued(author, **fields)
    publishing.publish_order(order.pk, clock=clock)
    return reload(order)


def uses(settings: Settings, server: mail_server.MailServer, timeout: float = 10) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, timeout


def sent(order: Order) -> list[tuple[int, Any]]:
    """Return the number and time of each reminder that went out, by its line of history."""
    lines = order.events.filter(kind="order.reminded").order_by("pk")
    return [(line.data["number"], line.at) for line in lines]


# When ----------------------------------------------------------------------------------------------------------------
def test_sends_nothing_in_the_first_five_minutes(order: Order, mailoutbox: Outbox) -> None:
    before = everything()
    assert remind(FIRST - timedelta(microseconds=1)) == RemindResult()
    assert (mailoutbox, everything(), Reminder.objects.count()) == ([], before, 0)


def test_reminds_after_five_minutes_an_hour_and_then_each_day(order: Order, mailoutbox: Outbox) -> None:
    minute, end = NOW, NOW + 2 * DAY + 2 * HOUR
    while minute < end:
        remind(minute)
        minute += 5 * MINUTE
    expected = [(1, FIRST), (2, NOW + HOUR), (3, NOW + HOUR + DAY), (4, NOW + HOUR + 2 * DAY)]
    assert sent(order) == expected
    assert [*Reminder.objects.values_list("number", "at")] == expected
    assert len(mailoutbox) == 4
    assert history.broken_link() == ""


def test_the_same_minute_again_sends_nothing_more(order: Order, mailoutbox: Outbox) -> None:
    assert remind(FIRST) == RemindResult(reminded=[order.order_ref])
    before = everything()
    assert remind(FIRST) == remind(FIRST + MINUTE) == RemindResult()
    assert (len(mailoutbox), everything()) == (1, before)


def test_reminders_that_were_missed_collapse_into_the_newest(order: Order, mailoutbox: Outbox) -> None:
    late = NOW + 3 * DAY + 5 * HOUR
    remind(late)
    assert sent(order) == [(5, late)]
    assert [mail.subject for mail in mailoutbox] == [
        f"Rehearsal, no real money: In doubt for 3 days 5 h: order {order.order_ref}, 1,500.00 ZAR"
    ]
    remind(late + HOUR)
    assert len(mailoutbox) == 1


def test_each_order_has_its_own_clock_and_its_own_mail(
    order: Order, author: User, flow: Flow, mailoutbox: Outbox
) -> None:
    younger = in_doubt(author, flow, at=NOW + 3 * MINUTE)
    assert remind(FIRST).reminded == [order.order_ref]
    assert remind(FIRST + 3 * MINUTE).reminded == [younger.order_ref]
    assert len(mailoutbox) == 2


def test_a_doubt_that_is_settled_is_over(order: Order, sue: User, tom: User, flow: Flow, mailoutbox: Outbox) -> None:
    for person in (sue, tom):
        settle(order.pk, Resolution.NOT_LIVE, evidence="Not there.", user=person, now=NOW + MINUTE)
    assert remind(NOW + DAY) == RemindResult()

    flow.on_publish(says(500))
    publish(order, NOW + DAY)
    assert remind(NOW + DAY + MINUTE) == RemindResult()
    assert remind(NOW + DAY + 5 * MINUTE).reminded == [order.order_ref]
    assert sent(order) == [(1, NOW + DAY + 5 * MINUTE)]
    assert len(mailoutbox) == 1


# What it says --------------------------------------------------------------------------------------------------------
def test_the_mail_says_what_is_known_and_what_to_do(
    author: User, flow: Flow, sue: User, tom: User, mailoutbox: Outbox, settings: Settings
) -> None:
    settings.DEFAULT_FROM_EMAIL, settings.SITE_URL = "console@example.com", "https://console.example.com"
    settings.FLOW_IS_LOCAL = False
    order = in_doubt(author, flow, took=timedelta(seconds=20), branch=make_branch(name="Sea Point"))
    settle(order.pk, Resolution.ABANDON, evidence="Sold.", user=tom, now=NOW + MINUTE)

    remind(FIRST + timedelta(seconds=20))

    (mail,) = mailoutbox
    assert (mail.from_email, mail.to) == ("console@example.com", ["sue@example.com", "tom@example.com"])
    assert mail.subject == f"In doubt for 5 min: order {order.order_ref}, 1,500.00 ZAR"
    assert mail.body.splitlines() == [
        f"Nobody knows whether Flow published order {order.order_ref}: 1,500.00 ZAR, branch Sea Point.",
        "It has been in doubt for 5 min. It is not sent again until people settle it.",
        "",
        "What is known",
        "- Something may have been sent: 1 Jan 2030, 09:00:00 to 09:00:20 UTC",
        f"- SHA-256 of what was sent: {order.payload_sha256}",
        "- What came back: HTTP 500. Flow's answer to the publish (HTTP 500) does not say what became of it. "
        "The campaigns may be live and spending: look in Flow before the order is sent again.",
        "- tom answered “abandon” at 1 Jan 2030, 09:01:00 UTC: a second person must say the same.",
        "",
        "What to do",
        f"1. Look for {order.order_ref} at Flow, or ask Flow for it, among the campaigns made in that time.",
        "2. Say what you found, even if somebody else has: two people must say the same, unless one may settle alone.",
        f"   https://console.example.com/admin/campaigns/order/{order.pk}/settle/",
    ]


def test_without_the_sites_address_it_says_where_to_look(order: Order, mailoutbox: Outbox, settings: Settings) -> None:
    settings.SITE_URL = ""
    remind(FIRST)
    (mail,) = mailoutbox
    assert mail.body.endswith(f"   In the console: In doubt, {order.order_ref}, Settle.")
    assert "http" not in mail.body


@pytest.mark.usefixtures("unguarded")  # no service writes what is secret into an attempt
def test_nothing_secret_is_in_the_mail(order: Order, mailoutbox: Outbox, settings: Settings) -> None:
    settings.FLOW_API_KEY = "a-key-that-nobody-reads"
    remember(settings.FLOW_API_KEY)
    Attempt.objects.update(words=f"Refused: apiKey={settings.FLOW_API_KEY}", excerpt="as it came")
    remind(FIRST)
    (mail,) = mailoutbox
    text = mail.message().as_string()
    assert settings.FLOW_API_KEY not in text
    assert "[redacted]" in text
    assert "as it came" not in text


def test_history_tells_who_was_told(order: Order) -> None:
    remind(FIRST)
    line = Event.objects.get(kind="order.reminded")
    assert line.text == "Reminder 1: the order has been in doubt for 5 min; told by e-mail: sue, tom."
    assert (line.data, line.actor_kind) == ({"attempt": 1, "number": 1, "told": ["sue", "tom"]}, "scheduler")
    assert kinds(order)[-2:] == ["order.in_doubt", "order.reminded"]


# Whom ----------------------------------------------------------------------------------------------------------------
def test_tells_active_staff_who_may_settle_and_have_an_address(order: Order, mailoutbox: Outbox) -> None:
    may = ("settle_order",)
    make_user("gone", *may, email="gone@example.com", is_active=False)
    make_user("outside", *may, email="outside@example.com", is_staff=False)
    make_user("reader", "view_order", email="reader@example.com")
    make_user("odd", *may, email="no address")
    make_user("sly", *may, email="sly@example.com\nBcc: all@example.com")
    make_user("mute", *may)
    make_user("twin", *may, email="sue@example.com")
    User.objects.create_superuser("boss", email="boss@example.com")

    remind(FIRST)

    (mail,) = mailoutbox
    assert mail.recipients() == ["boss@example.com", "sue@example.com", "tom@example.com"]


def test_where_nobody_has_an_address_the_reminder_is_recorded_and_logged(
    order: Order, mailoutbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    User.objects.update(email="")

    with caplog.at_level(logging.WARNING, "campaigns.services.reminding"):
        assert remind(FIRST).reminded == [order.order_ref]
        assert remind(FIRST + MINUTE) == RemindResult()

    assert mailoutbox == []
    assert caplog.messages == [
        f"Order {order.order_ref} is in doubt, and nobody who may settle it has an e-mail address"
    ]
    assert Event.objects.get(kind="order.reminded").text == (
        "Reminder 1: the order has been in doubt for 5 min; nobody who may settle it has an e-mail address."
    )
    assert [reminder.number for reminder in selectors.reminded()] == [1]


# What fails ----------------------------------------------------------------------------------------------------------
def test_goes_out_over_a_real_mail_server(order: Order, settings: Settings) -> None:
    with mail_server.running() as server:
        uses(settings, server)
        assert remind(FIRST).reminded == [order.order_ref]
    (mail,) = server.taken
    assert order.order_ref in mail["Subject"]
    assert f"Look for {order.order_ref} at Flow" in mail.get_content()
    assert server.recipients == [["sue@example.com", "tom@example.com"]]


def test_a_mail_server_that_is_gone_loses_no_reminder(
    order: Order, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with mail_server.running() as server:
        uses(settings, server)
    before = everything()
    for minute in range(3):
        assert remind(FIRST + minute * MINUTE) == RemindResult(failed=[order.order_ref])
        assert (everything(), Reminder.objects.count()) == (before, 0)
    assert f"The reminder of order {order.order_ref} did not go out: ConnectionRefusedError" in caplog.text

    with mail_server.running() as server:
        uses(settings, server)
        assert remind(FIRST + 3 * MINUTE).reminded == [order.order_ref]
    assert len(server.taken) == 1
    assert sent(order) == [(1, FIRST + 3 * MINUTE)]


def test_one_mail_that_is_refused_keeps_no_other_from_going_out(
    order: Order, author: User, flow: Flow, settings: Settings
) -> None:
    others = [in_doubt(author, flow) for _ in range(2)]
    with mail_server.running(refuses=order.order_ref) as server:
        uses(settings, server)
        result = remind(FIRST)
    assert (result.failed, result.reminded) == ([order.order_ref], [other.order_ref for other in others])
    assert len(server.taken) == 2
    assert [reminder.order for reminder in Reminder.objects.order_by("pk")] == others
    assert sent(order) == []


def test_a_mail_server_that_says_nothing_holds_nobody_for_long(
    order: Order, author: User, flow: Flow, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    in_doubt(author, flow)
    with mail_server.running(silent=True) as server:
        uses(settings, server, timeout=2)
        assert remind(FIRST, stop_after=1.5) == RemindResult(failed=[order.order_ref])
    assert server.calls == 1
    assert "Reminders take too long; the rest follows in a minute." in caplog.text
    assert not Reminder.objects.exists()


class Killed(BaseException):
    """The worker dies here: nothing after it is done."""


def test_a_reminder_over_which_a_worker_died_goes_out_after_all(
    order: Order, mailoutbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_: EmailMessage) -> int:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(EmailMessage, "send", die)
        with pytest.raises(Killed):
            remind(FIRST)
    assert (sent(order), list(selectors.reminded())) == ([], [])

    assert remind(FIRST + 5 * MINUTE) == RemindResult()  # its worker may still be at it
    assert remind(FIRST + 6 * MINUTE).reminded == [order.order_ref]

    assert len(mailoutbox) == 1
    assert sent(order) == [(1, FIRST + 6 * MINUTE)]
    assert [*Reminder.objects.values_list("number", "at")] == [(1, FIRST + 6 * MINUTE)]


def test_an_order_that_is_settled_while_others_are_told_of_is_passed_over(
    order: Order, author: User, flow: Flow, mailoutbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, second, send = make_user("alone", "settle_order", "settle_alone"), in_doubt(author, flow), EmailMessage.send

    def settle_the_second(mail: EmailMessage) -> int:
        settle(second.pk, Resolution.ABANDON, evidence="Sold.", user=alone, now=FIRST)
        return send(mail)

    monkeypatch.setattr(EmailMessage, "send", settle_the_second)
    assert remind(FIRST).reminded == [order.order_ref]
    assert len(mailoutbox) == 1
    assert kinds(second)[-1] == "order.settled"


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_send_it_once(order: Order, mailoutbox: Outbox) -> None:
    results = at_once(*[lambda: remind(FIRST)] * 4)

    assert sorted(result.reminded for result in results if isinstance(result, RemindResult)) == [
        [],
        [],
        [],
        [order.order_ref],
    ]
    assert len(mailoutbox) == 1
    assert sent(order) == [(1, FIRST)]
