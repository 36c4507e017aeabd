"""Counts of campaigns by phase are kept where there are many; else whoever looks counts."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection

from campaigns.models import Campaign, PhaseCount
from campaigns.selectors import PhaseNumbers
from campaigns.selectors.figures import by_phase
from campaigns.services import counting
from campaigns.services.counting import count_phases
from tests.admin import building

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss", password="x")


@pytest.fixture
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MANY", 2)


def test_few_campaigns_are_counted_by_whoever_looks(boss: User) -> None:
    building.campaign("queue_a", phase="live")

    assert count_phases(NOW) == 1
    assert not PhaseCount.objects.exists()
    assert by_phase(boss) == PhaseNumbers({"live": 1})


@pytest.mark.usefixtures("_few_are_many")
def test_many_are_told_as_they_were_counted_with_the_moment(boss: User) -> None:
    for name, phase in (("a", "live"), ("b", "live"), ("c", "failed")):
        building.campaign(f"queue_{name}", phase=phase)
    count_phases(NOW)
    Campaign.objects.filter(phase="failed").update(phase="completed")

    assert by_phase(boss) == PhaseNumbers({"live": 2, "failed": 1}, NOW)


@pytest.mark.usefixtures("_few_are_many")
def test_the_next_count_takes_the_place_of_the_last_and_of_what_is_no_more(boss: User) -> None:
    for name in ("a", "b"):
        building.campaign(f"queue_{name}", phase="live")
    count_phases(NOW)
    Campaign.objects.filter(tracking_id="queue_a").update(phase="completed")
    count_phases(LATER)
    assert by_phase(boss) == PhaseNumbers({"live": 1, "completed": 1}, LATER)

    Campaign.objects.update(phase="completed")
    count_phases(LATER + timedelta(minutes=5))
    assert by_phase(boss).numbers == {"completed": 2}


@pytest.mark.usefixtures("_few_are_many")
def test_people_see_the_counts_of_their_branches_alone() -> None:
    for name in ("a", "b"):
        building.campaign(f"queue_{name}", phase="live")
    count_phases(NOW)

    assert by_phase(User.objects.create_user("stranger")) == PhaseNumbers({})


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps its statistics by itself")
def test_sqlite_knows_how_many_rows_its_indexes_have() -> None:
    building.campaign("queue_a")
    counting.keep_statistics()
    with connection.cursor() as cursor:
        cursor.execute("SELECT stat FROM sqlite_stat1 WHERE idx = 'campaign_newest'")
        assert cursor.fetchall() == [("1 1 1",)]
