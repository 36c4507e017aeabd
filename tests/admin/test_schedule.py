"""The schedule of the background work: only those who may change it do, one task at a time."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django_celery_beat.models import PeriodicTask

from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db
SCHEDULE = "/admin/django_celery_beat/periodictask/"


@pytest.mark.parametrize("action", ["disable_tasks", "toggle_tasks", "run_tasks"])
def test_whoever_only_sees_the_schedule_stops_and_starts_nothing(action: str) -> None:
    reader = factories.make_user("reader", branches=[])
    reader.user_permissions.add(Permission.objects.get(codename="view_periodictask"))
    client = building.client_of(reader)
    before = list(PeriodicTask.objects.order_by("pk").values())
    chosen: dict[str, Any] = {"_selected_action": [row["id"] for row in before], "select_across": 1}

    client.post(SCHEDULE, {"action": action, **chosen})

    assert len(before) > 5
    assert list(PeriodicTask.objects.order_by("pk").values()) == before
    assert action not in client.get(SCHEDULE).content.decode()
