"""Celery tasks: shells around one service call each. Messages are hints with a primary key; the database is the truth."""

import logging
import tempfile
from functools import partial
from typing import Any

from celery import Task, current_app, shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from campaigns.domain.batches import Sweep
from campaigns.models import Batch, Command, Order
from campaigns.services import (
    alert_mailing,
    alerting,
    batch_running,
    commands,
    counting,
    imports,
    publishing,
    reminding,
    syncing,
    watching,
)

logger = logging.getLogger(__name__)


class BrokerUnreachable(Exception):
    """The broker does not answer."""


MOST = 2**63 - 1  # what a primary key can be
SWEEP_LIMIT = 500
# A batch is offered to another process after this, and ends here where an order waits to be published.
BATCH_SECONDS = 10
SYNC_SECONDS = 20  # a sync begins no new batch after this; the next one goes on


@shared_task
def publish_order(*, order_id: int, **_: Any) -> None:
    """Publish one queued order."""
    if not _is_there(Order, order_id):
        return
    result = publishing.publish_order(order_id)
    logger.info("Order %s: %s. %s", result.order_ref, result.outcome, result.words)
    if result.again:
        nudge(publish_order, order_id=order_id)


@shared_task
def heartbeat(**_: Any) -> None:
    """Do nothing: that a worker took the message is its sign of life, as with every other task (flowsite/celery.py)."""


@shared_task
def publish_sweep(**_: Any) -> None:
    """Find the queued orders whose message never came, and those whose back-off is over."""
    for order_id in publishing.due_orders(timezone.now(), SWEEP_LIMIT):
        if not nudge(publish_order, order_id=order_id, expires=25):
            break  # each further try at a broker that is gone takes a second or two; the next sweep finds them all


@shared_task
def recover_expired_leases(**_: Any) -> None:
    """Close the attempts of workers that did not come back."""
    for order_ref in publishing.recover_expired_leases(timezone.now()):
        logger.warning("Order %s: its worker did not come back", order_ref)


@shared_task
def remind_of_doubt(**_: Any) -> None:
    """Remind people of the orders in doubt."""
    result = reminding.remind(timezone.now())
    if result.reminded:
        logger.info("Reminded of the orders in doubt: %s", ", ".join(result.reminded))


@shared_task
def remove_import_files(**_: Any) -> None:
    """Remove the uploaded files that nobody has imported within a day."""
    if removed := imports.remove_expired(timezone.now()):
        logger.info("Removed files that nobody has imported: %s", removed)


@shared_task
def raise_alerts(**_: Any) -> None:
    """Make the alerts of what has happened."""
    alerting.raise_alerts(timezone.now())


@shared_task
def mail_alerts(**_: Any) -> None:
    """Mail the alerts that are due."""
    result = alert_mailing.mail_alerts(timezone.now())
    if result.mailed:
        logger.info("Mailed alerts to %s", ", ".join(result.mailed))


@shared_task
def forget_alerts(**_: Any) -> None:
    """Delete old alerts."""
    alerting.forget(timezone.now())


@shared_task
def watch_listings(**_: Any) -> None:
    """Propose the pause of campaigns whose listing is gone."""
    result = watching.watch(timezone.now())
    if result.proposed or result.closed:
        logger.info("Proposals to pause campaigns: %s made, %s closed", result.proposed, result.closed)


@shared_task
def count_phases(**_: Any) -> None:
    """Count the campaigns by phase for the home page, where there are many, and what the database plans with."""
    counting.count_phases(timezone.now())
    counting.keep_statistics()


@shared_task
def sync_due_campaigns(**_: Any) -> None:
    """Ask Flow about the campaigns that are due."""
    result = syncing.sync_due(stop_after=SYNC_SECONDS)
    if result.checked or result.failed:
        logger.info("Synced: %s checked, %s changed, %s failed", result.checked, result.changed, result.failed)


@shared_task
def send_command(*, command_id: int, **_: Any) -> None:
    """Send one command to Flow, then ask for the campaign's status; a message that comes again asks for nothing."""
    if not _is_there(Command, command_id):
        return
    command = commands.send(command_id)
    syncing.check_due([command.campaign_id])


@shared_task
def confirm_commands(**_: Any) -> None:
    """Send the commands that are due, first or again; their campaigns are asked about soon after."""
    for command_id in commands.due_commands(timezone.now(), SWEEP_LIMIT):
        # Until just before the next sweep: at the pace, so many take longer than that, and workers must not run dry between.
        if not nudge(send_command, command_id=command_id, expires=14):
            break  # as in the sweep


@shared_task
def run_batch(*, batch_id: int, **_: Any) -> None:
    """Do rows of one batch; one message to a sweep for all of them, not one for each."""
    if not _is_there(Batch, batch_id):
        return
    go_on_elsewhere = partial(nudge, run_batch, batch_id=batch_id)
    result = batch_running.run(batch_id, stop_after=BATCH_SECONDS, offer=go_on_elsewhere)
    for sweep in sorted(result.sweeps):
        nudge(SWEEPS[sweep])


@shared_task
def continue_batches(**_: Any) -> None:
    """Find the batches whose message never came, and those whose worker died."""
    for batch_id in batch_running.unfinished(timezone.now(), SWEEP_LIMIT):
        if not nudge(run_batch, batch_id=batch_id, expires=10):
            break  # as in the sweep


SWEEPS: dict[Sweep, Task[Any, None]] = {
    Sweep.PUBLISH: publish_sweep,
    Sweep.COMMANDS: confirm_commands,
    Sweep.SYNC: sync_due_campaigns,
}


def _is_there(model: type[Order | Command | Batch], primary_key: Any) -> bool:
    """Say whether a message names a row that there is; log it where it does not."""
    is_number = isinstance(primary_key, int) and not isinstance(primary_key, bool)  # true would be taken for 1
    if is_number and 0 < primary_key <= MOST and model._default_manager.filter(pk=primary_key).exists():
        return True
    words = "Refused a message on the queue, without effect: there is no %s %.100s"
    logger.warning(words, model._meta.verbose_name, ascii(primary_key))
    return False


def nudge_publish(order_id: int) -> None:
    """Tell the workers of a queued order."""
    nudge(publish_order, order_id=order_id)


def nudge_command(command_id: int) -> None:
    """Tell the workers of a command."""
    nudge(send_command, command_id=command_id)


def nudge_batch(batch_id: int) -> None:
    """Tell the workers of a batch."""
    nudge(run_batch, batch_id=batch_id)


def nudge_sync() -> None:
    """Tell the workers that campaigns are due."""
    nudge(sync_due_campaigns)


def nudge(task: Task[Any, None], expires: float = 600, **kwargs: int) -> bool:
    """Send a message to the workers, or leave it to the sweep where the broker can't be reached; say whether it was sent."""
    try:
        task.apply_async(kwargs=kwargs, expires=expires)
    except Exception as error:  # noqa: BLE001 - the deed is committed: no fault of a broker may make it look undone
        logger.warning("The broker can't be reached (%s); the sweep will find the work", type(error).__name__)
        return False
    return True


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
