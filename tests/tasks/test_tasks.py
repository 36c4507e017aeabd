"""Each task is one call of a service; each nudge is a hint to the workers that may be lost."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.utils import timezone

from campaigns import tasks
from campaigns.domain.states import Action
from campaigns.models import Alert, Attempt, Batch, Campaign, Command, Order
from campaigns.services import commands, orders, publishing
from flowsite.celery import app
from tests.factories import make_user
from tests.flow.nasty_server import says
from tests.services import batching
from tests.services.building import LEASE, SECOND, content
from tests.services.conftest import _known_settings, author, flow
from tests.services.flow_server import Flow
from tests.services.following import again, commander, latest, obeys, on_update
from tests.tasks.conftest import Messages

pytestmark = pytest.mark.django_db
__all__ = ["_known_settings", "author", "flow"]


def queue(author: User) -> Order:
    """Return an order that waits to be published, by the real clock."""
    now = timezone.now()
    order = orders.create_order(content(), user=author, now=now)
    return orders.submit(order.pk, order.version, user=author, now=now)


def publish(flow: Flow, author: User, status: str = "active") -> Campaign:
    """Publish an order by the task and return its one campaign."""
    flow.on_publish(flow.accepts(status=status))
    order = queue(author)
    tasks.publish_order(order_id=order.pk)
    campaign = order.campaigns.get()
    flow.statuses[campaign.tracking_id] = status
    return campaign


def test_publish_order_publishes_one_order(flow: Flow, author: User, caplog: pytest.LogCaptureFixture) -> None:
    order = queue(author)
    with caplog.at_level(logging.INFO, "campaigns.tasks"):
        tasks.publish_order(order_id=order.pk)
    order.refresh_from_db()
    assert order.state == "published"
    assert len(flow.publishes) == 1
    assert f"Order {order.order_ref}: published. Flow accepted the order" in caplog.text


def test_the_same_message_again_changes_nothing(flow: Flow, author: User) -> None:
    order = queue(author)
    for _ in range(3):
        tasks.publish_order(order_id=order.pk)
    assert len(flow.publishes) == 1
    assert Attempt.objects.count() == 1


def test_a_message_with_more_arguments_than_this_version_knows_is_understood(flow: Flow, author: User) -> None:
    order = queue(author)
    tasks.publish_order(order_id=order.pk, added_later=True)
    tasks.publish_sweep(added_later=True)
    tasks.recover_expired_leases(added_later=True)
    tasks.sync_due_campaigns(added_later=True)
    tasks.confirm_commands(added_later=True)
    order.refresh_from_db()
    assert order.state == "published"


def test_publish_order_calls_itself_again_once_when_flow_refused_the_token(
    flow: Flow, author: User, messages: Messages
) -> None:
    flow.on_publish(says(401, {"error": "JWT expired"}), flow.accepts())
    order = queue(author)
    tasks.publish_order(order_id=order.pk)
    assert messages() == [("publish_order", {"order_id": order.pk})]
    tasks.publish_order(order_id=order.pk)
    order.refresh_from_db()
    assert order.state == "published"
    assert len(messages()) == 1


def test_the_sweep_nudges_the_orders_whose_turn_it_is(flow: Flow, author: User, messages: Messages) -> None:
    due, later = queue(author), queue(author)
    Order.objects.filter(pk=later.pk).update(next_attempt_at=timezone.now() + LEASE)
    orders.create_order(content(), user=author, now=timezone.now())
    tasks.publish_sweep()
    assert messages() == [("publish_order", {"order_id": due.pk})]
    assert flow.publishes == []


def test_expired_leases_are_recovered_and_told(author: User, caplog: pytest.LogCaptureFixture) -> None:
    order = queue(author)
    publishing._claim(order, timezone.now())  # and here its worker dies
    tasks.recover_expired_leases()
    assert "did not come back" not in caplog.text
    Attempt.objects.update(lease_until=timezone.now() - SECOND)
    tasks.recover_expired_leases()
    assert f"Order {order.order_ref}: its worker did not come back" in caplog.text
    order.refresh_from_db()
    assert order.state == "queued"


def test_people_are_reminded_of_orders_in_doubt_once(
    flow: Flow, author: User, mailoutbox: list[EmailMessage], caplog: pytest.LogCaptureFixture
) -> None:
    make_user("sue", "settle_order", email="sue@example.com")
    flow.on_publish(says(500))
    order = queue(author)
    tasks.publish_order(order_id=order.pk)
    tasks.remind_of_doubt()
    assert mailoutbox == []
    later = timezone.now() + LEASE * 2
    with time_machine.travel(later), caplog.at_level(logging.INFO, "campaigns.tasks"):
        tasks.remind_of_doubt()
        tasks.remind_of_doubt(added_later=True)
    assert [mail.to for mail in mailoutbox] == [["sue@example.com"]]
    assert caplog.text.count(f"Reminded of the orders in doubt: {order.order_ref}") == 1


def test_alerts_are_made_mailed_and_forgotten(
    flow: Flow, author: User, mailoutbox: list[EmailMessage], caplog: pytest.LogCaptureFixture
) -> None:
    make_user("sue", "change_order", "view_order", email="sue@example.com")
    flow.on_publish(says(400, {"error": "No."}))
    tasks.publish_order(order_id=queue(author).pk)
    tasks.mail_alerts()
    assert mailoutbox == []
    tasks.raise_alerts(added_later=True)
    tasks.raise_alerts()
    with caplog.at_level(logging.INFO, "campaigns.tasks"):
        tasks.mail_alerts()
        tasks.mail_alerts(added_later=True)
    assert [mail.to for mail in mailoutbox] == [["sue@example.com"]]
    assert caplog.text.count("Mailed alerts to sue") == 1

    Alert.objects.update(last_at=timezone.now() - timedelta(days=31), read_at=timezone.now())
    tasks.forget_alerts(added_later=True)
    assert not Alert.objects.exists()


def test_the_sync_asks_about_what_is_due(flow: Flow, author: User) -> None:
    campaign = publish(flow, author)
    tasks.sync_due_campaigns()
    assert flow.asked == []
    Campaign.objects.update(next_check_at=timezone.now())
    tasks.sync_due_campaigns()
    assert flow.asked == [campaign.tracking_id]
    assert again(campaign).checked_at is not None


def ask(campaign: Campaign) -> Command:
    return commands.ask(campaign.pk, Action.PAUSE, reason="Sold.", user=commander(), now=timezone.now())


def test_a_command_is_sent_and_flows_status_asked_right_after(flow: Flow, author: User) -> None:
    campaign = publish(flow, author)
    on_update(flow, obeys(flow))
    command = ask(campaign)
    tasks.send_command(command_id=command.pk)
    assert latest(command).state == "confirmed"
    assert again(campaign).phase == "paused"
    asked = len(flow.asked)
    tasks.send_command(command_id=command.pk)
    assert len(flow.server.at("update")) == 1
    assert len(flow.asked) == asked, "a message that came twice asks for nothing"


def test_commands_that_are_due_are_nudged(flow: Flow, author: User, messages: Messages) -> None:
    command = ask(publish(flow, author))
    tasks.confirm_commands()
    assert messages() == [("send_command", {"command_id": command.pk})]
    assert flow.server.at("update") == []
    Command.objects.update(next_send_at=timezone.now() + LEASE)
    tasks.confirm_commands()
    assert len(messages()) == 1


def test_sweeps_give_up_at_the_first_message_that_the_broker_does_not_take(
    flow: Flow, author: User, messages: Messages, caplog: pytest.LogCaptureFixture
) -> None:
    carl = commander()
    for _ in range(2):
        commands.ask(publish(flow, author).pk, Action.PAUSE, reason="Sold.", user=carl, now=timezone.now())
        queue(author)
    folder = Path(app.conf.broker_transport_options["data_folder_out"])
    folder.rename(folder.with_name(f"{folder.name}-away"))
    try:
        for sweep in (tasks.publish_sweep, tasks.confirm_commands):
            caplog.clear()
            sweep()
            assert caplog.text.count("the sweep will find the work") == 1
    finally:
        folder.with_name(f"{folder.name}-away").rename(folder)
    assert messages() == []
    tasks.publish_sweep()
    tasks.confirm_commands()
    assert len(messages()) == 4


def test_nudges_are_messages_with_a_primary_key_and_nothing_else(db: None, messages: Messages) -> None:
    tasks.nudge_publish(17)
    tasks.nudge_command(18)
    tasks.nudge_sync()
    assert sorted(messages()) == [
        ("publish_order", {"order_id": 17}),
        ("send_command", {"command_id": 18}),
        ("sync_due_campaigns", {}),
    ]


def start_batch(author: User, count: int = 2) -> Batch:
    now = timezone.now()
    rows = [orders.create_order(content(), user=author, now=now) for _ in range(count)]
    return batching.start("publish", *rows, user=author, now=now)


def test_a_batch_is_run_and_one_sweep_is_nudged_for_all_its_rows(db: None, author: User, messages: Messages) -> None:
    batch = start_batch(author)
    tasks.run_batch(batch_id=batch.pk)
    assert messages() == [("publish_sweep", {})]
    assert set(Order.objects.values_list("state", flat=True)) == {"queued"}
    tasks.run_batch(batch_id=batch.pk)
    assert len(messages()) == 1, "a message that came twice does nothing"


def test_a_batch_that_takes_long_is_nudged_again_and_ends_here_once_an_order_waits_to_be_published(
    db: None, author: User, messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = start_batch(author)
    monkeypatch.setattr(tasks, "BATCH_SECONDS", -1)
    tasks.run_batch(batch_id=batch.pk)
    assert messages() == [("run_batch", {"batch_id": batch.pk}), ("publish_sweep", {})]
    assert list(Order.objects.order_by("pk").values_list("state", flat=True)) == ["queued", "draft"]


def test_batches_whose_message_never_came_are_found(db: None, author: User, messages: Messages) -> None:
    batch = start_batch(author)
    tasks.continue_batches()
    assert messages() == [("run_batch", {"batch_id": batch.pk})]
    tasks.run_batch(batch_id=batch.pk)
    before = len(messages())
    tasks.continue_batches()
    assert len(messages()) == before


def test_a_message_about_a_batch_that_there_is_not_has_no_effect(
    db: None, messages: Messages, caplog: pytest.LogCaptureFixture
) -> None:
    tasks.run_batch(batch_id=999_999)
    assert "there is no batch 999999" in caplog.text
    assert messages() == []
