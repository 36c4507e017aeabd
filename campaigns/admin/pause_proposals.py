"""Proposals to pause campaigns whose listing is gone: the list, and the two ways out. A GET asks; a POST decides.

Several at once are paused by a batch of campaigns, which has its own page that asks.
"""

from collections.abc import Callable
from http import HTTPStatus
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Page, Paginator
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods, require_safe

from campaigns import selectors, tasks
from campaigns.admin import look
from campaigns.admin.base import ModelAdmin, person
from campaigns.admin.fields import text_area
from campaigns.admin.forms import add_refusal
from campaigns.domain.money import format_money
from campaigns.domain.proposals import what_became
from campaigns.domain.states import Action
from campaigns.models import Campaign, Listing, PauseProposal
from campaigns.selectors import Figure
from campaigns.services import watching
from campaigns.services.errors import Refused, Stale

PER_PAGE = 50
PROPOSED = "needs=pause_proposed"
"""The list of campaigns with exactly those of the open proposals."""
LIST = "admin:campaigns_campaign_pause_proposals"
MONEY = "This is the order's amount. Flow documents no price per listing, nor what a pause saves."


class ReasonForm(forms.Form):
    """Why somebody pauses a campaign, or lets it run."""

    reason = forms.CharField(widget=text_area(), error_messages={"required": "Give a reason: it stays in the history."})


def urls(rooms: ModelAdmin[Campaign]) -> list[URLPattern]:
    """Return the addresses of the proposals, in the rooms of the campaigns."""
    views: list[tuple[str, str, Callable[..., HttpResponse]]] = [
        ("pause-proposals/", "pause_proposals", list_view),
        ("pause-proposals/<int:pk>/pause/", "pause_proposal_pause", pause_view),
        ("pause-proposals/<int:pk>/keep/", "pause_proposal_keep", keep_view),
    ]
    wrap = rooms.admin_site.admin_view
    return [path(route, wrap(view), {"rooms": rooms}, name=f"campaigns_campaign_{name}") for route, name, view in views]


@require_safe
def list_view(request: HttpRequest, rooms: ModelAdmin[Campaign]) -> HttpResponse:
    """Show a page of the open proposals by listing, the oldest first, with the money of each listing and of all."""
    if not request.user.has_perm("campaigns.view_campaign"):
        raise PermissionDenied
    user = person(request)
    proposals = selectors.proposals_for(user)
    page: Page[PauseProposal] = Paginator(_proposals(selectors.by_listing(proposals)), PER_PAGE).get_page(
        request.GET.get("page")
    )
    total, of_listings = selectors.at_risk(proposals)
    context = {
        **rooms.admin_site.each_context(request),
        "opts": rooms.opts,
        "title": "Pause proposals",
        "page": page,
        "may_decide": request.user.has_perm("campaigns.command_campaign"),
        "total": {"listings": len(of_listings), "campaigns": total.number, "money": _amounts(total)},
        "groups": [
            _group(user, listing, list(those), of_listings)
            for listing, those in groupby(page, key=lambda each: each.listing)
        ],
        "batch_url": reverse("admin:campaigns_campaign_batch"),
        "pause": Action.PAUSE.value,
        "of_list": PROPOSED,
    }
    return TemplateResponse(request, "admin/campaigns/pause_proposals.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def pause_view(request: HttpRequest, pk: int, rooms: ModelAdmin[Campaign]) -> HttpResponse:
    """Ask for the reason of a pause, or ask Flow for the pause."""
    proposal = _proposal(request, pk)
    listing = proposal.listing
    reason = f"Listing {listing} is {what_became(listing.status, active=listing.active)}."
    says = f"Ask Flow to pause campaign {proposal.campaign}. It counts as paused only when Flow's own status says so."
    return _decide(request, rooms, proposal, "Pause campaign", says, _pause, reason)


@require_http_methods(["GET", "HEAD", "POST"])
def keep_view(request: HttpRequest, pk: int, rooms: ModelAdmin[Campaign]) -> HttpResponse:
    """Ask why a campaign is to run on, or let it."""
    proposal = _proposal(request, pk)
    says = (
        f"Let campaign {proposal.campaign} run on, and spend its money. This is not proposed again for listing "
        f"{proposal.listing} unless its state changes."
    )
    return _decide(request, rooms, proposal, "Keep running", says, _keep)


def _pause(request: HttpRequest, proposal: PauseProposal, reason: str) -> str:
    command = watching.pause(proposal.pk, reason=reason, user=person(request), now=timezone.now())
    tasks.nudge_command(command.pk)
    return f"Flow is asked to pause {proposal.campaign}. It is not confirmed until Flow's own status says so."


def _keep(request: HttpRequest, proposal: PauseProposal, reason: str) -> str:
    watching.keep_running(proposal.pk, reason=reason, user=person(request), now=timezone.now())
    return f"Campaign {proposal.campaign} runs on; your reason is in its history."


def _decide(
    request: HttpRequest,
    rooms: ModelAdmin[Campaign],
    proposal: PauseProposal,
    label: str,
    says: str,
    do: Callable[[HttpRequest, PauseProposal, str], str],
    reason: str = "",
) -> HttpResponse:
    form = ReasonForm(request.POST) if request.method == "POST" else ReasonForm(initial={"reason": reason})
    moved_on: list[str] = []
    try:
        watching.check_open(proposal)
        if request.method == "POST" and form.is_valid():
            messages.success(request, do(request, proposal, form.cleaned_data["reason"]))
            return redirect(LIST)
    except Stale as stale:
        moved_on = [str(stale)]
        form = ReasonForm(initial={"reason": request.POST.get("reason", reason)})
    except (Refused, ValidationError) as refusal:
        add_refusal(form, refusal)
    context = {
        **rooms.admin_site.each_context(request),
        "opts": rooms.opts,
        "title": f"{label} · {proposal.campaign}",
        "deed": {"label": label, "danger": False},
        "form": form,
        "moved_on": bool(moved_on),
        "refusal": moved_on,
        "says": says,
        "pairs": _pairs(request, proposal),
        "page": reverse(LIST),
        "row": "the proposals",
    }
    status = HTTPStatus.CONFLICT if moved_on else HTTPStatus.OK
    return TemplateResponse(request, "admin/campaigns/deed.html", context, status=status)


def _group(
    user: User, listing: Listing, proposals: list[PauseProposal], of_listings: dict[int, Figure]
) -> dict[str, Any]:
    """Return a listing, what became of it, its campaigns and money on all pages, and its proposals on this one."""
    figure = of_listings[listing.pk]
    return {
        "listing": listing,
        "link": look.link(user, "listing", listing.pk, listing.title),
        "became": what_became(listing.status, active=listing.active),
        "campaigns": figure.number,
        "money": _amounts(figure),
        "elsewhere": figure.number - len(proposals),
        "rows": [_row(user, each) for each in proposals],
    }


def _row(user: User, proposal: PauseProposal) -> dict[str, Any]:
    campaign, order = proposal.campaign, proposal.campaign.order
    return {
        "proposal": proposal,
        "campaign": look.link(user, "campaign", campaign.pk, campaign),
        "order": look.link(user, "order", order.pk, order),
        "branch": look.short(proposal.branch.name, 40),
        "phase": _phase(campaign),
        "money": format_money(order.amount, order.amount_currency),
        "since": look.when(proposal.proposed_at),
        "ago": look.ago(proposal.proposed_at, timezone.now()),
    }


def _phase(campaign: Campaign) -> SafeString:
    return look.phase(campaign, next(iter(campaign.commands.all()), None))


def _amounts(figure: Figure) -> list[str]:
    return [format_money(amount, currency) for currency, amount in sorted(figure.money.items())]


def _proposals(rows: QuerySet[PauseProposal]) -> QuerySet[PauseProposal]:
    """Return the proposals with all that their pages tell of them; of the campaign's commands those that are open."""
    return rows.select_related("campaign__order__plan", "listing", "branch").prefetch_related(
        Prefetch("campaign__commands", selectors.open_commands())
    )


def _proposal(request: HttpRequest, pk: int) -> PauseProposal:
    """Return the proposal, though somebody else may have decided it since the page was opened: what was typed is kept."""
    if not request.user.has_perm("campaigns.command_campaign"):
        raise PermissionDenied
    rows = _proposals(selectors.all_proposals_for(person(request)))
    return get_object_or_404(rows.select_related("decided_by"), pk=pk)


def _pairs(request: HttpRequest, proposal: PauseProposal) -> list[tuple[str, Any]]:
    user, campaign, listing = person(request), proposal.campaign, proposal.listing
    order = campaign.order
    return [
        ("Listing", f"{listing}: {what_became(listing.status, active=listing.active)}"),
        ("Campaign", look.link(user, "campaign", campaign.pk, campaign)),
        ("Order", look.link(user, "order", order.pk, order)),
        ("Branch", str(proposal.branch)),
        ("Phase", _phase(campaign)),
        ("Money at risk", f"{format_money(order.amount, order.amount_currency)}. {MONEY}"),
        ("Since", f"{look.when(proposal.proposed_at)} ({look.ago(proposal.proposed_at, timezone.now())})"),
    ]
