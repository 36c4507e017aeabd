"""Orders: the intent to publish, and how people settle one whose outcome is unknown."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce

from campaigns.domain.copies import CopyHow
from campaigns.domain.states import OrderState, Resolution
from campaigns.models import validators
from campaigns.models.branches import Agent, Branch
from campaigns.models.choices import choices
from campaigns.models.listings import Listing
from campaigns.models.plans import Plan

NOT_APPROVED = models.Q(state=OrderState.DRAFT.value, not_approved_at__isnull=False)


class Order(models.Model):
    """What to publish. The services alone change it; the database refuses changes of a submitted one (see guards.py)."""

    order_ref = models.CharField("order ref", max_length=64, unique=True, validators=[validators.order_ref])
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="orders")
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT, related_name="orders")
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="orders", null=True, blank=True)
    listings = models.ManyToManyField(Listing, through="OrderListing", related_name="orders")
    start_at = models.DateTimeField("start", null=True, blank=True)
    end_at = models.DateTimeField("end", null=True, blank=True)
    budget_override = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)

    state = models.CharField(max_length=20, choices=choices(OrderState), default=OrderState.DRAFT.value, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    # Frozen by submit: exactly what will be sent, and what it will cost.
    payload = models.TextField(blank=True, editable=False)
    payload_sha256 = models.CharField("SHA-256 of the payload", max_length=64, blank=True, editable=False)
    budget = models.DecimalField(max_digits=12, decimal_places=2, null=True, editable=False)
    currency = models.CharField(max_length=3, blank=True, editable=False)
    rehearsal = models.BooleanField(
        default=False, editable=False, help_text="Submitted while a stand-in on this machine was in Flow's place."
    )

    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False)
    created_at = models.DateTimeField(editable=False)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    submitted_at = models.DateTimeField(null=True, editable=False)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    approved_at = models.DateTimeField(null=True, editable=False)
    # Since when it is a draft that an approver sent back, and whose `problem` is their comment; no other order has one.
    not_approved_at = models.DateTimeField("not approved", null=True, editable=False)
    next_attempt_at = models.DateTimeField("next attempt", null=True, editable=False)
    failures = models.PositiveIntegerField("failures in a row", default=0, editable=False)
    problem = models.TextField(blank=True, editable=False, help_text="What staff must know before anything else.")
    # Written with the order, and never changed (see guards.py).
    copied_from = models.ForeignKey("self", on_delete=models.PROTECT, related_name="copies", null=True, editable=False)
    copied_how = models.CharField(max_length=12, choices=choices(CopyHow), blank=True, editable=False)

    class Meta:
        ordering = ("-created_at", "-pk")
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="order_newest"),
            models.Index(fields=["state", "-created_at", "-id"], name="order_state_newest"),
            models.Index(fields=["branch", "-created_at", "-id"], name="order_branch_newest"),
            models.Index(fields=["plan", "-created_at", "-id"], name="order_plan_newest"),
            models.Index(fields=["branch", "state"], name="order_branch_state"),
            models.Index(fields=["branch"], name="order_not_approved", condition=NOT_APPROVED),
            models.Index(fields=["state"], name="order_problem", condition=~models.Q(problem="")),
            models.Index(
                fields=["next_attempt_at"], name="order_due", condition=models.Q(state=OrderState.QUEUED.value)
            ),
            # Money by month and week (selectors/budgets.py); with all its columns, so that the table itself is not read.
            models.Index(
                Coalesce("start_at", "submitted_at"),
                *("branch", "currency", "state", "budget", "start_at", "submitted_at"),
                name="order_committed",
            ),
        ]
        permissions = [
            ("submit_order", "Can submit, return and cancel orders"),
            ("approve_order", "Can approve or reject orders"),
            ("settle_order", "Can settle orders in doubt"),
            ("settle_alone", "Can settle orders in doubt without a second person"),
            ("comment_order", "Can comment on orders"),
            ("export_lists", "Can export lists as files"),
        ]

    def __str__(self) -> str:
        return self.order_ref

    @property
    def amount(self) -> Decimal:
        """Return what the order costs: the frozen budget, else the override, else the plan's default."""
        if self.budget is not None:
            return self.budget
        return self.plan.default_budget if self.budget_override is None else self.budget_override

    @property
    def amount_currency(self) -> str:
        """Return the currency of `amount`."""
        return self.currency or self.plan.currency


class OrderListing(models.Model):
    """A listing of an order."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE)
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "listing"], name="listing_once_per_order")]
        indexes = [models.Index(fields=["listing", "order"], name="orders_of_listing")]

    def __str__(self) -> str:
        return f"{self.order_id} · {self.listing_id}"


class Settlement(models.Model):
    """How people propose to settle an order in doubt; two different people unless one may do it alone."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="settlements", editable=False)
    attempt = models.ForeignKey("Attempt", on_delete=models.PROTECT, related_name="settlements", editable=False)
    resolution = models.CharField(max_length=10, choices=choices(Resolution), editable=False)
    tracking_ids = models.JSONField(default=list, editable=False)
    evidence = models.TextField(blank=True, editable=False)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False
    )
    proposed_at = models.DateTimeField(editable=False)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    confirmed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("proposed_at", "pk")

    def __str__(self) -> str:
        return f"{self.order_id}: {self.resolution}"


class Reminder(models.Model):
    """One reminder of an order in doubt; its number tells which, so that two beats never send the same one."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="reminders", editable=False)
    attempt = models.ForeignKey("Attempt", on_delete=models.PROTECT, related_name="reminders", editable=False)
    number = models.PositiveIntegerField(editable=False)
    at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ("attempt", "number")
        constraints = [models.UniqueConstraint(fields=["attempt", "number"], name="reminder_once")]

    def __str__(self) -> str:
        return f"{self.order_id}: reminder {self.number}"
