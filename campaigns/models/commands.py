"""Commands: pause, resume or cancel, from being asked to being confirmed."""

from django.conf import settings
from django.db import models

from campaigns.domain.states import OPEN_COMMAND_STATES, Action, CommandState
from campaigns.models.campaigns import Campaign
from campaigns.models.choices import choices

OPEN = sorted(state.value for state in OPEN_COMMAND_STATES)


class Command(models.Model):
    """One deed asked of a campaign. Only Flow's own status confirms it; a newer command supersedes an open one."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="commands", editable=False)
    action = models.CharField(max_length=10, choices=choices(Action), editable=False)
    reason = models.TextField(editable=False)
    state = models.CharField(
        max_length=12, choices=choices(CommandState), default=CommandState.ASKED.value, editable=False
    )
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False)
    asked_at = models.DateTimeField(editable=False)
    # While somebody sends it, until this moment nobody else sends a command to the campaign.
    sending_until = models.DateTimeField(null=True, editable=False)
    sends = models.PositiveIntegerField("times sent", default=0, editable=False)
    sent_at = models.DateTimeField("last sent", null=True, editable=False)
    next_send_at = models.DateTimeField(null=True, editable=False)
    failures = models.PositiveIntegerField("failures in a row", default=0, editable=False)
    http_status = models.PositiveIntegerField("HTTP status", null=True, editable=False)
    words = models.TextField("in words", blank=True, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("-asked_at", "-pk")
        constraints = [
            models.UniqueConstraint(
                fields=["campaign"], condition=models.Q(state__in=OPEN), name="one_open_command_per_campaign"
            )
        ]
        indexes = [
            models.Index(fields=["asked_at"], name="command_open", condition=models.Q(state__in=OPEN)),
            models.Index(fields=["state", "-id"], name="command_state_newest"),
            models.Index(fields=["action", "-id"], name="command_action_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.campaign}"
