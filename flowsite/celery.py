"""The Celery application: workers and beat start here, and refuse to start with wrong settings."""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from celery import Celery, Task
from celery.signals import import_modules, task_postrun, task_prerun, worker_init

from flowsite import broker

if TYPE_CHECKING:
    from flowsite.signs import Signs

SIGN_EVERY = 10.0

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowsite.settings")

broker.use_ours()
app = Celery("flowsite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@import_modules.connect  # the first thing that both do: beat_init comes after beat has read its schedule
def refuse_to_start_with_wrong_settings(**_: Any) -> None:
    """Stop the process, saying which settings are wrong, before it takes any work."""
    from flowsite.startup import refuse_wrong_settings

    refuse_wrong_settings()


@worker_init.connect  # before it forks: its processes share what is there
def import_the_client_of_flow(**_: Any) -> None:
    """Import what most of a worker's tasks need, and what the web can do without."""
    from campaigns import flow

    for imported_when_asked_for in ("FlowClient", "Pace"):
        getattr(flow, imported_when_asked_for)


@task_prerun.connect
@task_postrun.connect
def keep_connections_as_pages_do(sender: Task[Any, Any], **_: Any) -> None:
    """Close the connections that are broken or too old; Celery alone would open one to PostgreSQL for every task."""
    from django.db import close_old_connections

    if not sender.request.is_eager:  # that one works on its caller's connection
        close_old_connections()


@task_postrun.connect  # the end of a task: a sign at its beginning could hold up a publish
def give_a_sign_of_life(sender: Task[Any, Any], **_: Any) -> None:
    """Note that this worker does what it is told: whichever task it was, the message was heard and worked on."""
    _signs().give(sender.request.hostname or "")


@cache  # one for each process; its parts can be imported only once Django is ready
def _signs() -> "Signs":
    from campaigns.domain.heartbeats import Part
    from flowsite.signs import Signs

    return Signs(Part.WORKER, SIGN_EVERY)
