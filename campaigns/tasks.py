"""Celery tasks: shells around one service call each. Messages are hints with a primary key; the database is the truth."""

import logging
import tempfile
from typing import Any

from celery import Task, current_app, shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from campaigns.services import commands, publishing, syncing

logger = logging.getLogger(__name__)


class BrokerUnreachable(Exception):
    """The broker does not answer."""


SWEEP_LIMIT = 500
SYNC_SECONDS = 20  # a sync begins no new batch after this; the next one goes on


@shared_task
def publish_order(*, order_id: int, **_: Any) -> None:
    """Publish one queued order."""
    result = publishing.publish_order(order_id)
    logger.info("Order %s: %s. %s", result.order_ref, result.outcome, result.words)
    if result.again:
        nudge(publish_order, order_id=order_id)


@shared_task
def publish_sweep(**_: Any) -> None:
    """Find the queued orders whose message never came, and those whose back-off is over."""
    for order_id in publishing.due_orders(timezone.now(), SWEEP_LIMIT):
        nudge(publish_order, order_id=order_id, expires=25)


@shared_task
def recover_expired_leases(**_: Any) -> None:
    """Close the attempts of workers that did not come back."""
    for order_ref in publishing.recover_expired_leases(timezone.now()):
        logger.warning("Order %s: its worker did not come back", order_ref)


@shared_task
def sync_due_campaigns(**_: Any) -> None:
    """Ask Flow about the campaigns that are due."""
    result = syncing.sync_due(stop_after=SYNC_SECONDS)
    if result.checked or result.failed:
        logger.info("Synced: %s checked, %s changed, %s failed", result.checked, result.changed, result.failed)


@shared_task
def send_command(*, command_id: int, **_: Any) -> None:
    """Send one command to Flow, then ask for the campaign's status."""
    command = commands.send(command_id)
    syncing.check_now([command.campaign_id])


@shared_task
def confirm_commands(**_: Any) -> None:
    """Send the commands that are due, first or again; their campaigns are asked about soon after."""
    for command_id in commands.due_commands(timezone.now(), SWEEP_LIMIT):
        nudge(send_command, command_id=command_id, expires=10)


def nudge_publish(order_id: int) -> None:
    """Tell the workers of a queued order."""
    nudge(publish_order, order_id=order_id)


def nudge_command(command_id: int) -> None:
    """Tell the workers of a command."""
    nudge(send_command, command_id=command_id)


def nudge_sync() -> None:
    """Tell the workers that campaigns are due."""
    nudge(sync_due_campaigns)


def nudge(task: Task[Any, None], expires: float = 600, **kwargs: int) -> None:
    """Send a message to the workers, or leave it to the sweep where the broker can't be reached."""
    try:
        task.apply_async(kwargs=kwargs, expires=expires)
    except Exception as error:  # noqa: BLE001 - the deed is committed: no fault of a broker may make it look undone
        logger.warning("The broker can't be reached (%s); the sweep will find the work", type(error).__name__)


def reach_broker() -> None:
    """Raise BrokerUnreachable, without the address and its password, unless the broker answers within a few seconds."""
    try:
        with current_app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=3)
        if folder := current_app.conf.broker_transport_options.get("data_folder_out"):
            with tempfile.TemporaryFile(
                dir=folder
            ):  # the embedded broker's connection is always up; its folder may not be
                pass
    except (OperationalError, OSError) as error:
        raise BrokerUnreachable(f"The broker does not answer ({type(error).__name__}).") from None
