"""Deeds: what people do to an order or a campaign beside editing it. A GET asks and changes nothing; a POST does it.

Each has an address of its own, finds its row in what the person may see, and asks for the permission again. The services
decide; what they refuse is shown on the same page, with what the person had written.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Generic, TypeVar

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from campaigns.admin.base import ModelAdmin, person
from campaigns.admin.forms import DeedForm, add_refusal
from campaigns.models import Campaign, Order
from campaigns.models.choices import label
from campaigns.services.errors import NotAllowed, Refused, Stale

RowT = TypeVar("RowT", Order, Campaign)


@dataclass(frozen=True)
class Done:
    """What to tell the person, the page to go on with where it is not the row's own, and how good the news is."""

    words: str
    page: str = ""
    level: int = messages.SUCCESS


@dataclass(frozen=True, kw_only=True)
class Offer(Generic[RowT]):
    """Something that people may do to a row: its address and button, and whom it is for."""

    name: str
    label: str
    icon: str
    permissions: tuple[str, ...]
    """Any one of them is enough."""
    fits: Callable[[RowT], bool]
    """Say whether the row is in a state for it."""
    not_now: Callable[[RowT], str] = field(default=lambda row: f"Not possible while it is “{state_words(row)}”.")
    """Say which rule keeps it from a row that does not fit, and what to do next."""
    barred: Callable[[RowT], set[int]] = field(default=lambda _row: set())
    """Return the ids of those who may not do it to this row, whatever their permissions."""
    why_barred: str = ""
    """Say to one of them which rule that is."""

    suits: Callable[[RowT, User], bool] = field(default=lambda _row, _user: True)
    """Say whether it is worth offering to this person, who has the permission."""
    why_unsuited: str = "You lack another permission that it needs. Ask an administrator for it."
    """Say to the others what they lack, and what to do next."""

    def is_allowed(self, user: User) -> bool:
        """Say whether the person has the permission."""
        return any(user.has_perm(f"campaigns.{permission}") for permission in self.permissions)

    def is_for(self, user: User, row: RowT) -> bool:
        """Say whether to offer it."""
        return self.is_allowed(user) and self.fits(row) and self.suits(row, user) and user.pk not in self.barred(row)


@dataclass(frozen=True, kw_only=True)
class Deed(Offer[RowT]):
    """An offer with a page that asks and a service that does it."""

    do: Callable[[RowT, dict[str, Any], User, datetime], str | Done]
    """Call the service; return what to tell the person. May raise whatever services raise."""
    says: Callable[[RowT], str]
    """Return what it will do and cost, in words, for the page that asks."""
    form: type[DeedForm] = DeedForm
    first_values: Callable[[RowT, User], dict[str, Any]] = field(default=lambda _row, _user: {})
    danger: bool = False
    is_next: Callable[[RowT], bool] = field(default=lambda _row: False)
    """Say of a row that fits whether this is what moves it on: its button stands out."""
    template: str = "admin/campaigns/deed.html"
    """The page that asks."""
    knows: Callable[[RowT, User], dict[str, Any]] = field(default=lambda _row, _user: {})
    """Return what that template shows."""


def state_words(row: Order | Campaign) -> str:
    """Return where the row stands, to go on from “it is …”."""
    return label(row.state if isinstance(row, Order) else row.phase).lower()


def version_of(row: Order | Campaign) -> int:
    """Return the number that goes up with each move of an order, and with each command of a campaign."""
    return row.version if isinstance(row, Order) else row.command_number


def deed_urls(rooms: ModelAdmin[RowT], deeds: Sequence[Deed[RowT]]) -> list[URLPattern]:
    """Return the addresses of a row's deeds, such as `<pk>/submit/`."""
    model = rooms.opts.model_name
    return [
        path(
            f"<int:pk>/{deed.name}/",
            rooms.admin_site.admin_view(_view(rooms, deed)),
            name=f"campaigns_{model}_{deed.name}",
        )
        for deed in deeds
    ]


def buttons(user: User, row: RowT, deeds: Sequence[Deed[RowT]]) -> list[dict[str, Any]]:
    """Return what the person may do to the row as it is; at most one of it stands out, as what moves the row on."""
    model, possible = row._meta.model_name, [deed for deed in deeds if deed.is_for(user, row)]
    first = next((deed for deed in possible if deed.is_next(row)), None)
    return [
        {
            "deed": deed,
            "url": reverse(f"admin:campaigns_{model}_{deed.name}", args=[row.pk]),
            "stands_out": deed is first,
        }
        for deed in possible
    ]


def _view(rooms: ModelAdmin[RowT], deed: Deed[RowT]) -> Callable[..., HttpResponse]:
    @require_http_methods(["GET", "HEAD", "POST"])
    def view(request: HttpRequest, pk: int) -> HttpResponse:
        row = get_object_or_404(rooms.get_queryset(request), pk=pk)
        if not deed.is_allowed(person(request)):
            raise PermissionDenied
        if request.method == "POST":
            return _do(rooms, deed, request, row)
        if not deed.fits(row):
            messages.error(
                request, f"“{deed.label}” is not possible for {row} now, and nothing was done. {deed.not_now(row)}"
            )
            return redirect(_page(row))
        values = {**deed.first_values(row, person(request)), "version": version_of(row)}
        return _ask(rooms, deed, request, row, deed.form(initial=values))

    return view


def _do(rooms: ModelAdmin[RowT], deed: Deed[RowT], request: HttpRequest, row: RowT) -> HttpResponse:
    form = deed.form(request.POST)
    if not form.is_valid():
        return _ask(rooms, deed, request, row, form)
    try:
        _check_version(row, form.cleaned_data["version"])
        done = deed.do(row, form.cleaned_data, person(request), timezone.now())
    except (Refused, ValidationError) as refusal:
        add_refusal(form, refusal)
        moved_on = isinstance(refusal, Stale) or not deed.fits(row)
        return _ask(rooms, deed, request, row, form, status=_status(refusal), moved_on=moved_on)
    end = done if isinstance(done, Done) else Done(done)
    messages.add_message(request, end.level, end.words)
    return redirect(end.page or _page(row))


def _check_version(row: RowT, seen: int) -> None:
    """Refuse what was decided on an older view of the row. Services that take the version check it once more."""
    if version_of(row) != seen:
        raise Stale(
            f"{row} has changed since you opened this page. Nothing was done. Look at it again and decide anew."
        )


def _status(refusal: Refused | ValidationError) -> HTTPStatus:
    if isinstance(refusal, NotAllowed):
        return HTTPStatus.FORBIDDEN
    return HTTPStatus.CONFLICT if isinstance(refusal, Refused) else HTTPStatus.OK


def _ask(
    rooms: ModelAdmin[RowT],
    deed: Deed[RowT],
    request: HttpRequest,
    row: RowT,
    form: DeedForm,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    moved_on: bool = False,
) -> HttpResponse:
    context = {
        **rooms.admin_site.each_context(request),
        "opts": rooms.opts,
        "original": row,
        "title": f"{deed.label} · {row}",
        "deed": deed,
        "form": form,
        "moved_on": moved_on,
        "says": deed.says(row),
        "page": _page(row),
        "row": row,
        **deed.knows(row, person(request)),
    }
    return TemplateResponse(request, deed.template, context, status=status)


def _page(row: Order | Campaign) -> str:
    return reverse(f"admin:campaigns_{row._meta.model_name}_change", args=[row.pk])
