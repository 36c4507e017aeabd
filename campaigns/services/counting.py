"""Keep the counts that would take too long at each look."""

from datetime import datetime

from django.db import connection, transaction
from django.db.models import Count

from campaigns.models import Campaign, PhaseCount

MANY = 100_000
"""Fewer campaigns are counted by whoever looks: that takes some milliseconds, and is never out of date."""
ROWS_LOOKED_AT = 1_000


def keep_statistics() -> None:
    """Tell SQLite how many rows its indexes have, by a look at some: it chooses by that. PostgreSQL does so itself."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA analysis_limit = {ROWS_LOOKED_AT}")
            cursor.execute("ANALYZE")


@transaction.atomic
def count_phases(now: datetime) -> int:
    """Count the campaigns of each branch and phase, and keep the counts where there are `MANY`; return how many there are."""
    campaigns = Campaign.objects.order_by("branch", "phase").values_list("branch", "phase")
    found = list(campaigns.annotate(number=Count("*")))
    total: int = sum(number for _, _, number in found)
    if total >= MANY:
        PhaseCount.objects.bulk_create(
            (PhaseCount(branch_id=branch, phase=phase, number=n, counted_at=now) for branch, phase, n in found),
            update_conflicts=True,
            unique_fields=["branch", "phase"],
            update_fields=["number", "counted_at"],
        )
    PhaseCount.objects.exclude(counted_at=now).delete()
    return total
