"""What a person may see: the rows of the branches that they work for.

Whoever has the permission `every_branch`, superusers among them, works for all branches. Plans belong to no branch.
"""

from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import CharField, F, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from campaigns.domain.batches import BatchKind
from campaigns.models import Agent, Attempt, Batch, Branch, Campaign, Command, Event, Listing, Order, PhaseCount
from campaigns.selectors.holders import of_the_present_holder

AnyUser = User | AnonymousUser


def works_everywhere(user: AnyUser) -> bool:
    """Say whether the person works for every branch, also for those to come."""
    return user.has_perm("campaigns.every_branch")


def works_for(user: AnyUser, branch_id: int) -> bool:
    """Say whether the person works for the branch: nobody does without staff status, with which alone people log in."""
    return user.is_staff and branches_for(user).filter(pk=branch_id).exists()


def branches_for(user: AnyUser) -> QuerySet[Branch]:
    """Return the branches that this person works for."""
    return Branch.objects.all() if works_everywhere(user) else Branch.objects.filter(staff=user.pk)


def agents_for(user: AnyUser) -> QuerySet[Agent]:
    """Return the agents of the person's branches."""
    return _of_branches(Agent.objects.all(), user, "branch")


def listings_for(user: AnyUser) -> QuerySet[Listing]:
    """Return the listings of the person's branches."""
    return _of_branches(Listing.objects.all(), user, "branch")


def orders_for(user: AnyUser) -> QuerySet[Order]:
    """Return the orders that this person may see."""
    return _may_view(Order.objects.all(), user, "branch")


def campaigns_for(user: AnyUser) -> QuerySet[Campaign]:
    """Return the campaigns that this person may see."""
    return _may_view(Campaign.objects.all(), user, "branch")


def phase_counts_for(user: AnyUser) -> QuerySet[PhaseCount]:
    """Return the kept counts of the campaigns that this person may see."""
    may = user.has_perm("campaigns.view_campaign")
    return _of_branches(PhaseCount.objects.all(), user, "branch") if may else PhaseCount.objects.none()


def attempts_for(user: AnyUser) -> QuerySet[Attempt]:
    """Return the attempts that this person may see."""
    return _may_view(Attempt.objects.all(), user, "order__branch")


def commands_for(user: AnyUser) -> QuerySet[Command]:
    """Return the commands that this person may see."""
    return _may_view(Command.objects.all(), user, "campaign__branch")


def batches_for(user: AnyUser) -> QuerySet[Batch]:
    """Return the batches that this person may see: their own; all, whoever works for every branch."""
    kinds = [kind.value for kind in BatchKind if user.has_perm(f"campaigns.view_{kind.value}")]
    batches = Batch.objects.filter(kind__in=kinds)
    return batches if works_everywhere(user) else batches.filter(started_by=user.pk)


def events_for(user: AnyUser) -> QuerySet[Event]:
    """Return the history that this person may see: of their branches and what belongs to them, their batches, the plans."""
    if not user.has_perm("campaigns.view_event"):
        return Event.objects.none()
    if works_everywhere(user):
        return Event.objects.all()
    mine = branches_for(user).values("pk")
    subjects = [
        rows.annotate(noun_and_id=Concat(Value(f"{noun}:"), F("external_id"))).values("noun_and_id")
        for noun, rows in (("branch", branches_for(user)), ("agent", agents_for(user)), ("listing", listings_for(user)))
    ]
    about = Q(subject__startswith="plan:")
    batches = batches_for(user).annotate(noun_and_id=Concat(Value("batch:"), Cast("pk", CharField())))
    about |= Q(subject__in=batches.values("noun_and_id"))
    entries = Q()
    for rows in subjects:
        entries |= Q(subject__in=rows)
    about |= entries & of_the_present_holder()
    # The ids of the orders rather than a join, and no look at the subject of a line that has none: there are many lines.
    orders = Order.objects.filter(branch__in=mine).order_by().values("pk")
    return Event.objects.filter(Q(order__in=orders) | (~Q(subject="") & about))


def _may_view(rows: QuerySet[Any], user: AnyUser, path: str) -> QuerySet[Any]:
    """Limit the rows to the person's branches; to none without the permission to view such rows."""
    may = user.has_perm(f"campaigns.view_{rows.model._meta.model_name}")
    return _of_branches(rows, user, path) if may else rows.none()


def _of_branches(rows: QuerySet[Any], user: AnyUser, path: str) -> QuerySet[Any]:
    if works_everywhere(user):
        return rows
    mine = branches_for(user).values("pk")
    relation, _, name = path.rpartition("__")
    if not relation:
        return rows.filter(**{f"{name}__in": mine})
    # Their ids rather than a join: SQLite joins row after row to count them.
    theirs: Any = rows.model._meta.get_field(relation).related_model
    return rows.filter(**{f"{relation}__in": theirs.objects.filter(**{f"{name}__in": mine}).order_by().values("pk")})
