"""Campaigns: the mirror of what Flow tells of each tracking id."""

from django.db import models

from campaigns.domain.states import FINAL_PHASES, Phase
from campaigns.models.attempts import Attempt
from campaigns.models.branches import Branch
from campaigns.models.choices import choices
from campaigns.models.orders import Order

# In the words of the index campaign_open: PostgreSQL uses it only for the same list.
NOT_OVER = sorted(phase.value for phase in set(Phase) - FINAL_PHASES)


class Campaign(models.Model):
    """One tracking id at Flow: its raw status, our reading of it, and when we last heard and will ask again."""

    tracking_id = models.CharField("tracking id", max_length=255, unique=True, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="campaigns", editable=False)
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="campaigns", editable=False)
    # Copied from the order, so that lists and the schedule need no join.
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT, related_name="campaigns", editable=False)
    starts_at = models.DateTimeField("start", null=True, editable=False)
    ends_at = models.DateTimeField("end", null=True, editable=False)

    flow_campaign_id = models.CharField("Flow's campaign id", max_length=255, blank=True, editable=False)
    flow_status = models.CharField("Flow's status", max_length=255, blank=True, editable=False)
    phase = models.CharField(max_length=20, choices=choices(Phase), default=Phase.QUEUED.value, editable=False)
    message = models.TextField(blank=True, editable=False)
    problem = models.TextField(blank=True, editable=False, help_text="Why the last check gave nothing.")

    created_at = models.DateTimeField(editable=False)
    checked_at = models.DateTimeField("last heard from Flow", null=True, editable=False)
    changed_at = models.DateTimeField("phase since", null=True, editable=False)
    next_check_at = models.DateTimeField("next check", null=True, editable=False)
    check_interval = models.DurationField(editable=False)
    failures = models.PositiveIntegerField("failures in a row", default=0, editable=False)
    missing_since = models.DateTimeField("not found at Flow since", null=True, editable=False)
    # Raised by every command: a poll that began before it is out of date.
    command_number = models.PositiveIntegerField(default=0, editable=False)
    # Whoever wrote its own mark here polls the campaign this time.
    poll_mark = models.CharField(max_length=32, blank=True, editable=False)

    class Meta:
        ordering = ("-created_at", "-pk")
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="campaign_newest"),
            models.Index(fields=["phase", "-created_at", "-id"], name="campaign_phase_newest"),
            models.Index(fields=["branch", "-created_at", "-id"], name="campaign_branch_newest"),
            models.Index(fields=["ends_at", "id"], name="campaign_end"),
            models.Index(fields=["branch", "phase"], name="campaign_branch_phase"),
            # What needs somebody is found among the few that are not over, without a look at the table itself.
            models.Index(
                fields=["branch", "phase", "ends_at", "order"],
                name="campaign_open",
                condition=models.Q(phase__in=NOT_OVER),
            ),
            models.Index(fields=["branch"], name="campaign_problem", condition=~models.Q(problem="")),
            models.Index(
                fields=["next_check_at"], name="campaign_due", condition=models.Q(next_check_at__isnull=False)
            ),
            models.Index(fields=["poll_mark"], name="campaign_poll_mark", condition=~models.Q(poll_mark="")),
        ]
        permissions = [("command_campaign", "Can pause, resume and cancel campaigns")]

    def __str__(self) -> str:
        return self.tracking_id


class PhaseCount(models.Model):
    """How many campaigns of a branch were in a phase: kept where there are too many to count for each look at them."""

    branch = models.ForeignKey(Branch, on_delete=models.CASCADE, related_name="+", editable=False)
    phase = models.CharField(max_length=20, choices=choices(Phase), editable=False)
    number = models.PositiveIntegerField(editable=False)
    counted_at = models.DateTimeField(editable=False)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["branch", "phase"], name="one_count_per_branch_and_phase")]

    def __str__(self) -> str:
        return f"{self.branch_id} {self.phase}: {self.number}"
