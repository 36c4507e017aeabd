"""The task that removes uploaded files which nobody has imported."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import tasks
from campaigns.models import ImportFile
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def test_only_files_that_were_kept_long_enough_are_removed() -> None:
    now, user = timezone.now(), make_user("naledi")
    for kind, expires_at in (("agents", now - timedelta(seconds=1)), ("listings", now + timedelta(hours=1))):
        ImportFile.objects.create(
            kind=kind, name="a.csv", content=b"x", owner=user, uploaded_at=now, expires_at=expires_at
        )
    tasks.remove_import_files()
    tasks.remove_import_files(added_later=True)
    assert ImportFile.objects.get().kind == "listings"
