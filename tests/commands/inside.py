"""The commands as the command line runs them, but in this process: cheap, and on whatever database the tests have."""

import json
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

from django.core.management import load_command_class
from django.utils import timezone

from campaigns.management.base import ConsoleCommand
from campaigns.models import Order
from campaigns.services import orders
from tests.commands.secrets import expect_no_secret
from tests.factories import make_user
from tests.flow.nasty_server import says
from tests.services.building import content
from tests.services.flow_server import Flow


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def data(self) -> Any:
        """What a script reads: stdout must be JSON and nothing else."""
        return json.loads(self.stdout)


def run(name: str, *words: str) -> Done:
    """Run a command to its end, without Django's own checks of the settings: those of the tests are not to be checked."""
    stdout, stderr = StringIO(), StringIO()
    with redirect_stdout(stdout), redirect_stderr(stderr):
        code = _run(name, words)
    expect_no_secret(stdout.getvalue() + stderr.getvalue())
    return Done(code, stdout.getvalue(), stderr.getvalue())


def publish(flow: Flow, order_ref: str, *tracking_ids: str, status: str = "active") -> Order:
    """Write an order and publish it; Flow makes campaigns with these tracking ids and this status."""
    order = queue(order_ref)
    flow.on_publish(flow.accepts(*tracking_ids, status=status))
    flow.statuses.update(dict.fromkeys(tracking_ids, status))
    done = run("publish_orders", "--order", order_ref)
    assert done.returncode == 0, done.stderr
    return order


def doubt(flow: Flow, order_ref: str) -> Order:
    """Write an order and publish it so that nobody knows whether Flow did."""
    order = queue(order_ref)
    flow.on_publish(says(502, {}))
    done = run("publish_orders", "--order", order_ref)
    assert f"{order_ref}: unknown. " in done.stderr, done.stderr
    return order


def _run(name: str, words: Sequence[str]) -> int:
    command = load_command_class("campaigns", name)
    assert isinstance(command, ConsoleCommand)
    command._called_from_command_line = True
    try:
        options = vars(command.create_parser("manage.py", name).parse_args(list(words)))
        command.execute(*options.pop("args", ()), **options | {"skip_checks": True})
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def queue(order_ref: str, **changes: Any) -> Order:
    """Write an order that waits to be published."""
    author = make_user(f"author-of-{order_ref}", "add_order", "submit_order")
    order = orders.create_order(content(**changes), user=author, now=timezone.now(), order_ref=order_ref)
    return orders.submit(order.pk, order.version, user=author, now=timezone.now())
