"""Templates of orders: the list, and what people do with one. A GET asks and changes nothing; a POST does it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns import selectors
from campaigns.admin import look
from campaigns.admin.base import ModelAdmin, person
from campaigns.admin.fields import text_input
from campaigns.admin.forms import add_refusal
from campaigns.domain.money import format_money, parse_amount
from campaigns.models import Listing, Order, OrderTemplate, Plan
from campaigns.services import templates
from campaigns.services.errors import Refused

PER_PAGE = 25
MOST_NAMED = 3
LIST = "admin:campaigns_order_templates"


class NameForm(forms.Form):
    """Another name for a template."""

    name = forms.CharField(max_length=templates.LONGEST, widget=text_input(autocomplete="off"))


def urls(rooms: ModelAdmin[Order]) -> list[URLPattern]:
    """Return the addresses of the templates, in the rooms of the orders."""
    views: list[tuple[str, str, Callable[..., HttpResponse]]] = [
        ("templates/", "templates", list_view),
        ("templates/<int:pk>/begin/", "template_begin", begin_view),
        ("templates/<int:pk>/rename/", "template_rename", rename_view),
        ("templates/<int:pk>/delete/", "template_delete", delete_view),
    ]
    wrap = rooms.admin_site.admin_view
    return [path(route, wrap(view), {"rooms": rooms}, name=f"campaigns_order_{name}") for route, name, view in views]


@require_safe
def list_view(request: HttpRequest, rooms: ModelAdmin[Order]) -> HttpResponse:
    """Show a page of the person's templates."""
    if not request.user.has_perm("campaigns.add_order"):
        raise PermissionDenied
    page = Paginator(selectors.templates_for(person(request)), PER_PAGE).get_page(request.GET.get("page"))
    known = _known(list(page), person(request))
    context = {
        **rooms.admin_site.each_context(request),
        "opts": rooms.opts,
        "title": "Templates",
        "page": page,
        "rows": [{"template": each, "pairs": _pairs(each, known)} for each in page],
    }
    return TemplateResponse(request, "admin/campaigns/templates.html", context)


@require_POST
def begin_view(request: HttpRequest, pk: int, **_: Any) -> HttpResponse:
    """Write a draft from a template, and go to it."""
    template = _template(request, pk)
    try:
        order = templates.begin_from_template(template.pk, user=person(request), now=timezone.now())
    except (Refused, ValidationError) as refusal:
        words = refusal.messages if isinstance(refusal, ValidationError) else [str(refusal)]
        messages.error(request, f"Template “{template}”: {' '.join(words)}")
        return redirect(LIST)
    messages.success(
        request, f"Draft {order} is made from template “{template}”. Nothing is published until it is submitted."
    )
    return redirect("admin:campaigns_order_change", order.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def rename_view(request: HttpRequest, pk: int, rooms: ModelAdmin[Order]) -> HttpResponse:
    """Ask for another name, or give it."""
    template = _template(request, pk)
    form = NameForm(request.POST) if request.method == "POST" else NameForm(initial={"name": template.name})
    if request.method == "POST" and form.is_valid():
        try:
            renamed = templates.rename_template(pk, form.cleaned_data["name"], user=person(request), now=timezone.now())
        except (Refused, ValidationError) as refusal:
            add_refusal(form, refusal)
        else:
            messages.success(request, f"The template is called “{renamed}” now.")
            return redirect(LIST)
    return _ask(request, rooms, template, form, "Rename", "Orders that were begun from it stay as they are.")


@require_http_methods(["GET", "HEAD", "POST"])
def delete_view(request: HttpRequest, pk: int, rooms: ModelAdmin[Order]) -> HttpResponse:
    """Ask whether to delete a template, or delete it."""
    template = _template(request, pk)
    if request.method == "POST":
        templates.delete_template(pk, user=person(request), now=timezone.now())
        messages.success(request, f"Template “{template}” is deleted.")
        return redirect(LIST)
    says = f"Delete the template “{template}” for everybody of {template.branch}. Orders that were begun from it stay."
    return _ask(request, rooms, template, forms.Form(), "Delete", says, danger=True)


def _template(request: HttpRequest, pk: int) -> OrderTemplate:
    if not request.user.has_perm("campaigns.add_order"):
        raise PermissionDenied
    return get_object_or_404(selectors.templates_for(person(request)), pk=pk)


@dataclass(frozen=True)
class Known:
    """What the templates of a page name and is there, by reference and by id."""

    plans: dict[str, Plan]
    listings: dict[str, Listing]


def _known(page: list[OrderTemplate], user: User) -> Known:
    plans = {each.content["plan"] for each in page}
    listings = {name for each in page for name in each.content["listings"][:MOST_NAMED]}
    return Known(
        Plan.objects.in_bulk(sorted(plans), field_name="ref"),
        selectors.listings_for(user).in_bulk(sorted(listings), field_name="external_id"),
    )


def _pairs(template: OrderTemplate, known: Known) -> list[tuple[str, Any]]:
    content = template.content
    plan = known.plans.get(content["plan"])
    return [
        ("Branch", str(template.branch)),
        ("Plan", str(plan or f"{content['plan']}, which is not there any more")),
        ("Listings", _listings(content["listings"], known)),
        ("Budget override", _override(content["budget_override"], plan)),
        ("Saved", f"{template.owner.get_username()}, {look.when(template.created_at)}"),
    ]


def _listings(ids: list[str], known: Known) -> SafeString:
    named = [
        (look.short(str(known.listings.get(name, f"{name}, not there any more")), 90),) for name in ids[:MOST_NAMED]
    ]
    more = f"; and {len(ids) - MOST_NAMED:,} more" if len(ids) > MOST_NAMED else ""
    return format_html("{}: {}{}", f"{len(ids):,}", format_html_join("; ", "{}", named), more)


def _override(amount: str | None, plan: Plan | None) -> str:
    if amount is None:
        default = f", {format_money(plan.default_budget, plan.currency)}" if plan else ""
        return f"None: the plan's default{default}"
    return look.amount(amount, plan.currency) if plan else f"{parse_amount(amount):,}, in the plan's currency"


def _ask(
    request: HttpRequest,
    rooms: ModelAdmin[Order],
    template: OrderTemplate,
    form: forms.Form,
    label: str,
    says: str,
    *,
    danger: bool = False,
) -> HttpResponse:
    context = {
        **rooms.admin_site.each_context(request),
        "opts": rooms.opts,
        "title": f"{label} template “{template}”",
        "deed": {"label": f"{label} template", "danger": danger},
        "form": form,
        "says": says,
        "page": reverse(LIST),
        "row": "the templates",
    }
    return TemplateResponse(request, "admin/campaigns/deed.html", context)
