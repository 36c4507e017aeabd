"""A person's own alerts: the page that lists them, marking them as read, and how each kind is told."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from unfold.widgets import UnfoldAdminSelectWidget

from campaigns import selectors
from campaigns.admin import look
from campaigns.admin.base import person
from campaigns.admin.forms import add_refusal
from campaigns.admin.ids import row_id
from campaigns.admin.menu import MOST_PRESSING
from campaigns.domain.alerts import CONCERNS, TITLES, AlertKind, Channel, channels
from campaigns.models import Alert
from campaigns.selectors import Figure
from campaigns.services import alerting
from campaigns.services.addresses import is_address
from campaigns.services.alert_words import subject_of, text_of, total_line

PER_PAGE = 25
PROPOSALS = "admin:campaigns_campaign_pause_proposals"

ASKING, NEWS, EVERYTHING = "", "news", "all"
TABS = {ASKING: "Asks for you", NEWS: "Good news", EVERYTHING: "All"}

LOOKS: dict[AlertKind, tuple[str, str]] = {
    AlertKind.DOUBT: ("danger", "help"),
    AlertKind.REJECTED: ("danger", "block"),
    AlertKind.NOT_APPROVED: ("danger", "undo"),
    AlertKind.CAMPAIGN_FAILED: ("danger", "error"),
    AlertKind.COMMAND_FAILED: ("danger", "settings_remote"),
    AlertKind.STUCK: ("warning", "hourglass_disabled"),
    AlertKind.APPROVAL: ("warning", "how_to_reg"),
    AlertKind.MENTIONED: ("info", "alternate_email"),
    AlertKind.PAUSE_PROPOSED: ("warning", "pause_circle"),
    AlertKind.PUBLISHED: ("success", "check_circle"),
    AlertKind.LIVE: ("success", "play_circle"),
    AlertKind.COMPLETED: ("default", "task_alt"),
}
MEANINGS: dict[AlertKind, str] = {
    AlertKind.DOUBT: "Nobody knows whether Flow published an order, or one may be paid for twice. Those who may settle are "
    "reminded by e-mail after five minutes in any case.",
    AlertKind.REJECTED: "Flow, or a rule, said no to an order.",
    AlertKind.NOT_APPROVED: "An approver sent back an order that you created, edited or submitted.",
    AlertKind.CAMPAIGN_FAILED: "Flow says that a campaign has failed.",
    AlertKind.COMMAND_FAILED: "A pause, resume or cancel did not come about.",
    AlertKind.STUCK: "An order has been in the queue for a quarter of an hour.",
    AlertKind.APPROVAL: "An order needs a second person, and you may be that person.",
    AlertKind.MENTIONED: "Somebody wrote @ and your name in a comment.",
    AlertKind.PAUSE_PROPOSED: "A listing is sold or gone while its campaign runs.",
    AlertKind.PUBLISHED: "Flow took an order.",
    AlertKind.LIVE: "An order's campaign went live.",
    AlertKind.COMPLETED: "An order's campaign came to its end.",
}
CHANNELS: dict[Channel, str] = {
    Channel.AT_ONCE: "E-mail at once",
    Channel.DIGEST: "In the daily e-mail, at 07:00",
    Channel.ADMIN: "Only here, no e-mail",
    Channel.OFF: "Off",
}


class SettingsForm(forms.Form):
    """How a person is told of each kind of alert that may concern them."""

    def __init__(self, data: Any, chosen: dict[AlertKind, Channel]) -> None:
        super().__init__(data)
        for kind, channel in chosen.items():
            self.fields[kind.value] = forms.ChoiceField(
                label=TITLES[kind],
                choices=[(each.value, CHANNELS[each]) for each in channels(kind)],
                initial=channel.value,
                widget=UnfoldAdminSelectWidget(),
                help_text=MEANINGS[kind],
                error_messages={"invalid_choice": "Choose one from the list."},
            )

    def chosen(self) -> dict[AlertKind, Channel]:
        """Return what a valid form says."""
        return {AlertKind(name): Channel(value) for name, value in self.cleaned_data.items()}


@require_safe
def page_view(request: HttpRequest) -> HttpResponse:
    """Show the person's alerts: what asks for them, unless they want to see the good news, or all."""
    user, show = person(request), _tab(request.GET.get("show", ""))
    tabs = {
        ASKING: selectors.pressing_alerts(user),
        NEWS: selectors.good_news(user),
        EVERYTHING: selectors.alerts_for(user),
    }
    rows = tabs[show].select_related("order__branch", "campaign", "listing", "event")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    pauses = selectors.pauses_told_of(page)
    context = {
        **admin.site.each_context(request),
        "title": "Alerts",
        "show": show,
        "tabs": [_link_to(tab, alerts, show) for tab, alerts in tabs.items()],
        "totals": [total_line(total) for total in selectors.alert_totals(tabs[NEWS])] if show == NEWS else [],
        "page": page,
        "rows": [_row(alert, request, pauses.get(alert.pk)) for alert in page],
        "until": newest.event_id if (newest := rows.first()) else 0,
        "may_read_all": bool(page.object_list) and show != EVERYTHING,
    }
    return TemplateResponse(request, "admin/campaigns/alerts.html", context)


@require_POST
def read_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark one alert as read."""
    if row_id(pk) is None or not alerting.mark_read(person(request), pk, now=timezone.now()):
        raise Http404
    return _back(request)


@require_POST
def read_all_view(request: HttpRequest) -> HttpResponse:
    """Mark all alerts of the tab as read, but none that came since it was opened."""
    until, news = row_id(request.POST.get("until", "")), request.POST.get("show") == NEWS
    count = alerting.mark_all_read(person(request), until or 0, now=timezone.now(), good_news=news)
    messages.success(request, f"{count:,} alert{'' if count == 1 else 's'} marked as read.")
    return _back(request)


@require_http_methods(["GET", "HEAD", "POST"])
def settings_view(request: HttpRequest) -> HttpResponse:
    """Ask how the person wants to be told."""
    user = person(request)
    mine = {
        kind: channel
        for kind, channel in selectors.alert_channels(user).items()
        if user.has_perm(f"campaigns.{CONCERNS[kind].permission}")
    }
    form = SettingsForm(request.POST if request.method == "POST" else None, mine)
    if request.method == "POST" and form.is_valid():
        try:
            alerting.choose(user, form.chosen())
        except ValidationError as refusal:
            add_refusal(form, refusal)
        else:
            messages.success(request, "Your choice is saved. It counts for what happens from now on.")
            return redirect("alert_settings")
    context = {
        **admin.site.each_context(request),
        "title": "My alerts: settings",
        "form": form,
        "address": user.email if is_address(user.email) else "",
    }
    return TemplateResponse(request, "admin/campaigns/alert_settings.html", context)


def _tab(word: str) -> str:
    return word if word in TABS else ASKING


def _back(request: HttpRequest) -> HttpResponse:
    """Return to the tab from which something was marked as read."""
    tab = _tab(request.POST.get("show", ""))
    return redirect(f"{reverse('alerts')}?show={tab}" if tab else "alerts")


def _link_to(tab: str, alerts: QuerySet[Alert], shown: str) -> dict[str, Any]:
    """Return a tab as the page has it, with how many are unread as the menu has it."""
    number = alerts[: MOST_PRESSING + 1].count() if tab != EVERYTHING else 0
    badge = f"{MOST_PRESSING}+" if number > MOST_PRESSING else str(number or "")
    address = reverse("alerts")
    return {
        "title": TABS[tab],
        "badge": badge,
        "url": f"{address}?show={tab}" if tab else address,
        "shown": tab == shown,
    }


def _row(alert: Alert, request: HttpRequest, pauses: Figure | None) -> dict[str, Any]:
    user, name = person(request), subject_of(alert)
    if alert.listing:
        link: SafeString | str = format_html('<a class="text-link" href="{}">{}</a>', reverse(PROPOSALS), name)
    elif alert.campaign:
        name = f"campaign {alert.campaign}"
        link = look.link(user, "campaign", alert.campaign.pk, name)
    else:
        link = look.link(user, "order", alert.order.pk, name)
    return {
        "alert": alert,
        "badge": _badge(AlertKind(alert.kind)),
        "link": link,
        "text": text_of(alert, pauses),
        "often": alert.count > 1 and not alert.listing,
        # Many buttons say the same: those who hear them one by one are told which is which.
        "attrs": {"aria-label": f"Mark as read: {TITLES[AlertKind(alert.kind)]}, {name}"},
        "at": look.at(alert.last_at),
        "since": look.when(alert.first_at),
    }


def _badge(kind: AlertKind) -> SafeString:
    variant, symbol = LOOKS[kind]
    text = format_html("{}{}", look.icon(symbol), TITLES[kind])
    return render_to_string("unfold/helpers/label.html", {"text": text, "variant": variant})


urlpatterns = [
    path("", admin.site.admin_view(page_view), name="alerts"),
    path("settings/", admin.site.admin_view(settings_view), name="alert_settings"),
    path("read/", admin.site.admin_view(read_all_view), name="alerts_read"),
    path("<int:pk>/read/", admin.site.admin_view(read_view), name="alert_read"),
]
