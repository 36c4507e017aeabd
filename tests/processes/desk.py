"""`python -m tests.processes.desk`: somebody at the console, in a process of its own: one deed a line, as JSON.

A deed is named: one of those below, or with dots a function of any module, such as tests.chaos.facts.gather.

The tests' own Django has another database than the workers and beats that they start; this process has the same one.
"""

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django
from django.db import close_old_connections, transaction
from django.utils.module_loading import import_string


def prepare() -> None:
    """Make the tables, people and a catalogue; let beat look every second, as staff may in the admin."""
    from django.core.management import call_command
    from django_celery_beat.models import IntervalSchedule, PeriodicTasks

    from tests import factories

    call_command("migrate", verbosity=0)
    factories.make_user("anna", "add_order", "submit_order", "command_campaign")
    branch = factories.make_branch(external_id="branch")
    factories.make_plan(ref="social")
    factories.make_listing(branch, external_id="listing")
    IntervalSchedule.objects.update(every=1)
    PeriodicTasks.update_changed()


def submit(order_ref: str, nudges: int = 0) -> int:
    """Build an order and submit it through the services; tell the workers so many times."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from campaigns import tasks
    from campaigns.models import Branch, Listing, Plan
    from campaigns.services import orders

    now, anna = timezone.now(), User.objects.get(username="anna")
    content = orders.Content(Plan.objects.get(), Branch.objects.get(), (Listing.objects.get(),))
    with transaction.atomic():
        order = orders.create_order(content, user=anna, now=now, order_ref=order_ref)
        orders.submit(order.pk, order.version, user=anna, now=now)
    for _ in range(nudges):
        tasks.nudge_publish(order.pk)
    return order.pk


def look(order_ref: str) -> dict[str, Any]:
    """Return what has become of an order."""
    from campaigns.models import Order

    order = Order.objects.get(order_ref=order_ref)
    return {
        "state": order.state,
        "problem": order.problem,
        "attempts": [[attempt.outcome, attempt.sent_at is not None] for attempt in order.attempts.all()],
        "phases": sorted(order.campaigns.values_list("phase", flat=True)),
        "problems": sorted(order.campaigns.values_list("problem", flat=True)),
    }


def states(prefix: str) -> list[str]:
    """Return the states of all orders of this prefix."""
    from campaigns.models import Order

    return sorted(Order.objects.filter(order_ref__startswith=prefix).values_list("state", flat=True))


def check_now(order_ref: str) -> None:
    """Mark an order's campaigns for a check and tell the workers."""
    from django.utils import timezone

    from campaigns import tasks
    from campaigns.models import Campaign
    from campaigns.services import syncing

    ids = Campaign.objects.filter(order__order_ref=order_ref).values_list("pk", flat=True)
    syncing.mark_due(list(ids), now=timezone.now())
    tasks.nudge_sync()


def ask(order_ref: str, action: str, nudge: bool = False) -> int:
    """Ask for something of an order's campaign."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from campaigns import tasks
    from campaigns.domain.states import Action
    from campaigns.models import Campaign
    from campaigns.services import commands

    campaign = Campaign.objects.get(order__order_ref=order_ref)
    anna = User.objects.get(username="anna")
    command = commands.ask(campaign.pk, Action(action), reason="Sold.", user=anna, now=timezone.now())
    if nudge:
        tasks.nudge_command(command.pk)
    return command.pk


def command(number: int) -> list[Any]:
    """Return how far a command has come, and how often it was sent."""
    from campaigns.models import Command

    found = Command.objects.get(pk=number)
    return [found.state, found.sends]


def let_leases_run_out() -> int:
    """Turn the time forward for open attempts: their leases are over. Return how many there were."""
    from django.utils import timezone

    from campaigns.models import Attempt

    return Attempt.objects.filter(outcome="").update(lease_until=timezone.now() - timedelta(seconds=1))


def all_texts() -> str:
    """Return every row of every table of ours, to look for what must not be there."""
    from django.apps import apps
    from django.core import serializers

    tables = apps.get_app_config("campaigns").get_models()
    return "\n".join(serializers.serialize("json", model._default_manager.all()) for model in tables)


DEEDS: dict[str, Callable[..., Any]] = {
    deed.__name__: deed
    for deed in (prepare, submit, look, states, check_now, ask, command, let_leases_run_out, all_texts)
}


def main() -> None:
    """Do what each line says, and answer each with a line."""
    django.setup()
    for line in sys.stdin:
        name, arguments = json.loads(line)
        close_old_connections()  # as before each request: a database that was restarted meanwhile is connected anew
        deed = DEEDS.get(name) or import_string(name)
        print(json.dumps(deed(**arguments)), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
