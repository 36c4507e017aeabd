"""Proposals to pause a campaign whose listing is gone: made by the scheduler, decided by people."""

from django.conf import settings
from django.db import models

from campaigns.domain.proposals import RUNNING_PHASES, ProposalState
from campaigns.models.branches import Branch
from campaigns.models.campaigns import Campaign
from campaigns.models.choices import choices
from campaigns.models.listings import Listing

OPEN = models.Q(state=ProposalState.OPEN.value)
OPEN_OR_KEPT = models.Q(state__in=[ProposalState.KEPT.value, ProposalState.OPEN.value])
RUNNING = models.Q(phase__in=sorted(phase.value for phase in RUNNING_PHASES))


class PauseProposal(models.Model):
    """One campaign, and one of its listings that is gone. Open, there is at most one of each pair."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="pause_proposals", editable=False)
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="pause_proposals", editable=False)
    # The campaign's, so that the list needs no join to know whose it is.
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT, related_name="+", editable=False)
    # As the listing was when it was proposed, or decided: the same is not proposed again once somebody keeps it running.
    listing_active = models.BooleanField(editable=False)
    listing_status = models.CharField(max_length=50, blank=True, editable=False)
    state = models.CharField(
        max_length=10, choices=choices(ProposalState), default=ProposalState.OPEN.value, editable=False
    )
    proposed_at = models.DateTimeField(editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    decided_at = models.DateTimeField(null=True, editable=False)
    reason = models.TextField(blank=True, editable=False)

    class Meta:
        ordering = ("proposed_at", "pk")
        constraints = [
            models.UniqueConstraint(fields=["campaign", "listing"], condition=OPEN, name="one_open_pause_proposal")
        ]
        indexes = [
            models.Index(fields=["proposed_at", "id"], name="pause_proposal_open", condition=OPEN),
            models.Index(fields=["branch", "proposed_at"], name="pause_proposal_branch", condition=OPEN),
            models.Index(fields=["campaign", "listing"], name="pause_proposal_waits", condition=OPEN_OR_KEPT),
        ]

    def __str__(self) -> str:
        return f"pause {self.campaign_id} for {self.listing_id}"
