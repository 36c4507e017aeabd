"""What pages show of batches: how far they have come, and what became of each row."""

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, QuerySet

from campaigns.domain.batches import BatchKind, RowState
from campaigns.models import Batch, BatchRow
from campaigns.selectors.scope import campaigns_for, orders_for


def batch_counts(batch: Batch) -> dict[RowState, int]:
    """Return how many rows of the batch are in each state."""
    found = dict(BatchRow.objects.filter(batch=batch).order_by().values_list("state").annotate(Count("pk")))
    return {state: found.get(state.value, 0) for state in RowState}


def batch_rows(batch: Batch, user: User | AnonymousUser) -> QuerySet[BatchRow]:
    """Return the rows that this person may see: of a branch that they no longer work for they see none."""
    rows = BatchRow.objects.filter(batch=batch)
    if batch.kind == BatchKind.ORDER:
        return rows.filter(order__in=orders_for(user)).select_related("order__branch")
    return rows.filter(campaign__in=campaigns_for(user)).select_related("campaign__branch", "campaign__order")


def batch_reasons(rows: QuerySet[BatchRow]) -> list[tuple[str, str, int]]:
    """Return (state, reason in short, count) of the rows that were skipped or failed, the most frequent first."""
    not_done = rows.filter(state__in=[RowState.FAILED.value, RowState.SKIPPED.value]).order_by()
    found = not_done.values_list("state", "why").annotate(number=Count("pk"))
    return sorted(found, key=lambda each: (-each[2], each[0], each[1]))


def failed_rows(batch: Batch) -> QuerySet[BatchRow, int]:
    """Return the ids of the orders or campaigns that failed in the batch."""
    failed = BatchRow.objects.filter(batch=batch, state=RowState.FAILED.value).order_by()
    return failed.values_list(batch.kind, flat=True)
