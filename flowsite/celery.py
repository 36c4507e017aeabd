"""The Celery application: workers and beat start here, and refuse to start with wrong settings."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowsite.settings")

app = Celery("flowsite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def refuse_to_start_with_wrong_settings(**_: Any) -> None:
    """Stop the process, saying which settings are wrong, before it takes any work."""
    from flowsite.startup import refuse_wrong_settings

    refuse_wrong_settings()
