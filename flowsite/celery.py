"""The Celery application: workers and beat start here, and refuse to start with wrong settings."""

import os
from typing import Any

from celery import Celery
from celery.signals import import_modules

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowsite.settings")

app = Celery("flowsite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@import_modules.connect  # the first thing that both do: beat_init comes after beat has read its schedule
def refuse_to_start_with_wrong_settings(**_: Any) -> None:
    """Stop the process, saying which settings are wrong, before it takes any work."""
    from flowsite.startup import refuse_wrong_settings

    refuse_wrong_settings()
