"""Saved views of a list: save, open, rename and delete them."""

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from unfold.widgets import UnfoldAdminSelectWidget

from campaigns import selectors
from campaigns.admin.base import person
from campaigns.admin.fields import text_input
from campaigns.admin.forms import add_refusal
from campaigns.admin.listed import WRONG, address, fitting, listed, state_of
from campaigns.models import SavedView
from campaigns.services import views
from campaigns.services.errors import NotAllowed, Refused
from campaigns.services.views import ViewState

ME, ALL = "me", "all"


class ViewForm(forms.Form):
    """A view's name, and whom it is for."""

    name = forms.CharField(max_length=80, widget=text_input(autocomplete="off"))
    audience = forms.ChoiceField(label="For whom", widget=UnfoldAdminSelectWidget())
    query = forms.CharField(required=False, widget=forms.HiddenInput, max_length=8000)

    def __init__(self, data: Any = None, *, user: User, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        groups = [(str(group.pk), f"The group {group}") for group in user.groups.order_by("name")]
        everybody = [(ALL, "All who may see this list")] if user.has_perm("campaigns.every_branch") else []
        audience = self.fields["audience"]
        if isinstance(audience, forms.ChoiceField):
            audience.choices = [(ME, "Me"), *groups, *everybody]
            audience.help_text = "Others see the same question, and of its answers only the rows of their own branches."


def urls(rooms: Any) -> list[URLPattern]:
    """Return the addresses of the views of a list."""
    model = rooms.opts.model_name

    def page(address: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
        pattern: URLPattern = path(
            address, rooms.admin_site.admin_view(view), {"rooms": rooms}, name=f"campaigns_{model}_{name}"
        )
        return pattern

    return [
        page("views/", manage, "views"),
        page("views/save/", save, "view_save"),
        page("views/<int:pk>/", open_view, "view"),
        page("views/<int:pk>/rename/", rename, "view_rename"),
        page("views/<int:pk>/delete/", delete, "view_delete"),
    ]


def offers(model: str, saved: Iterable[SavedView], user: User, state: ViewState) -> dict[str, Any]:
    """Return what the bar above the list says of the views; `state` is what the list shows now."""
    found = [
        {
            "view": view,
            "url": reverse(f"admin:campaigns_{model}_view", args=[view.pk]),
            "is_active": ViewState.of(view) == state,
        }
        for view in saved
    ]
    return {
        "views": found,
        "active": next((offer["view"] for offer in found if offer["is_active"]), None),
        "save_url": reverse(f"admin:campaigns_{model}_view_save"),
        "manage_url": reverse(f"admin:campaigns_{model}_views") if _has_own(found, user) else "",
    }


def _has_own(offers: list[dict[str, Any]], user: User) -> bool:
    return any(offer["view"].owner_id == user.pk for offer in offers)


@require_safe
def open_view(request: HttpRequest, rooms: Any, pk: int) -> HttpResponse:
    """Lead to the list as the view asks for it, and say what of it this person can't ask for."""
    view = _view(request, rooms, pk)
    state, dropped = fitting(rooms, request, ViewState.of(view), rooms.all_columns(request))
    if dropped:
        left_out = ", ".join(dropped)
        messages.warning(
            request, f"Parts of the view “{view}” do not fit this list any more and were left out: {left_out}."
        )
    shown = listed(rooms, request, address(ViewState(state.filters, state.columns), ())[1:]).list_display
    return redirect(_list(rooms) + address(state, shown))


@require_http_methods(["GET", "HEAD", "POST"])
def save(request: HttpRequest, rooms: Any) -> HttpResponse:
    """Ask for a name, and save what the list shows."""
    _require_list(request, rooms)
    user = person(request)
    if request.method != "POST":
        asked = request.META.get("QUERY_STRING", "")
        return _form_page(request, rooms, ViewForm(user=user, initial={"query": asked, "audience": ME}))
    form = ViewForm(request.POST, user=user)
    if form.is_valid():
        try:
            view = _save(request, rooms, form.cleaned_data)
        except (Refused, ValidationError) as refusal:
            add_refusal(form, refusal)
        else:
            messages.success(request, f"The view “{view}” is saved.")
            return redirect(f"admin:campaigns_{rooms.opts.model_name}_view", view.pk)
    return _form_page(request, rooms, form)


def _save(request: HttpRequest, rooms: Any, values: dict[str, Any]) -> SavedView:
    try:
        shown = listed(rooms, request, values["query"]).list_display
    except WRONG:
        raise ValidationError("The filters of the list can't be used. Go back, clear them, and filter again.") from None
    user, audience = person(request), values["audience"]
    return views.save_view(
        rooms.opts.model_name,
        values["name"],
        state_of(QueryDict(values["query"]), shown),
        group=user.groups.get(pk=audience) if audience not in (ME, ALL) else None,
        for_all=audience == ALL,
        user=user,
        now=timezone.now(),
    )


@require_safe
def manage(request: HttpRequest, rooms: Any) -> HttpResponse:
    """Show the views of this list: one's own can be renamed and deleted."""
    _require_list(request, rooms)
    return _manage_page(request, rooms)


@require_POST
def rename(request: HttpRequest, rooms: Any, pk: int) -> HttpResponse:
    """Give a view another name."""
    view, old = _view(request, rooms, pk), ""
    try:
        old = view.name
        views.rename_view(view, request.POST.get("name", ""), user=person(request), now=timezone.now())
    except NotAllowed as error:
        raise PermissionDenied from error
    except ValidationError as error:
        return _manage_page(request, rooms, wrong={"pk": pk, "messages": error.messages})
    messages.success(request, f"The view “{old}” is called “{view}” now.")
    return redirect(f"admin:campaigns_{rooms.opts.model_name}_views")


@require_POST
def delete(request: HttpRequest, rooms: Any, pk: int) -> HttpResponse:
    """Delete a view."""
    view = _view(request, rooms, pk)
    try:
        views.delete_view(view, user=person(request), now=timezone.now())
    except NotAllowed as error:
        raise PermissionDenied from error
    messages.success(request, f"The view “{view}” is deleted.")
    return redirect(f"admin:campaigns_{rooms.opts.model_name}_views")


def _require_list(request: HttpRequest, rooms: Any) -> None:
    if not rooms.has_view_permission(request):
        raise PermissionDenied


def _view(request: HttpRequest, rooms: Any, pk: int) -> SavedView:
    _require_list(request, rooms)
    return get_object_or_404(selectors.views_for(person(request), rooms.opts.model_name), pk=pk)


def _list(rooms: Any) -> str:
    return reverse(f"admin:campaigns_{rooms.opts.model_name}_changelist")


def _form_page(request: HttpRequest, rooms: Any, form: ViewForm) -> TemplateResponse:
    title = f"Save a view of the {rooms.opts.verbose_name_plural}"
    context = {**rooms.admin_site.each_context(request), "opts": rooms.opts, "title": title, "form": form}
    return TemplateResponse(request, "admin/campaigns/view_form.html", {**context, "back": _back(rooms, form)})


def _back(rooms: Any, form: ViewForm) -> str:
    return f"{_list(rooms)}?{QueryDict(str(form['query'].value() or '')).urlencode()}"


def _manage_page(request: HttpRequest, rooms: Any, wrong: Any = None) -> TemplateResponse:
    user, model = person(request), rooms.opts.model_name
    rows = [
        {
            "view": view,
            "url": reverse(f"admin:campaigns_{model}_view", args=[view.pk]),
            "is_own": view.owner_id == user.pk,
            "whom": _whom(view, user),
            "rename_url": reverse(f"admin:campaigns_{model}_view_rename", args=[view.pk]),
            "delete_url": reverse(f"admin:campaigns_{model}_view_delete", args=[view.pk]),
            "name": request.POST.get("name", "")[:80] if wrong and wrong["pk"] == view.pk else view.name,
            "messages": wrong["messages"] if wrong and wrong["pk"] == view.pk else [],
        }
        for view in selectors.views_for(user, model)
    ]
    title = f"Views of the {rooms.opts.verbose_name_plural}"
    context = {**rooms.admin_site.each_context(request), "opts": rooms.opts, "title": title, "rows": rows}
    return TemplateResponse(request, "admin/campaigns/views.html", {**context, "back": _list(rooms)})


def _whom(view: SavedView, user: User) -> str:
    whom = "for all" if view.for_all else f"for the group {view.group}" if view.group else "for you alone"
    return whom if view.owner_id == user.pk else f"{whom}, saved by {view.owner.get_username()}"
