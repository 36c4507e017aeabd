"""What branches, agents, listings and plans have in common: they are written through the service, with history."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.shortcuts import redirect
from django.utils import timezone

from campaigns.admin import catalogue_conflict
from campaigns.admin.base import LONGEST_SEARCH, ModelT, RecordedAdmin, person
from campaigns.admin.catalogue_conflict import CatalogueForm
from campaigns.admin.fields import RowField, RowSelect
from campaigns.admin.forms import add_refusal
from campaigns.admin.ids import row_id
from campaigns.admin.list_tools import ListTools
from campaigns.admin.listed import name_of
from campaigns.admin.pages import ChoicePaginator
from campaigns.models import Agent, Branch, Plan
from campaigns.models.words import few_with_words, with_words
from campaigns.selectors import agents_for, branches_for
from campaigns.services import catalogue
from campaigns.services.catalogue.changes import subject_of
from campaigns.services.errors import Overtaken, Refused, Stale

REFUSAL = "catalogue_refusal"


class CatalogueAdmin(ListTools, RecordedAdmin[ModelT]):
    """Saves and deletes through services.catalogue; what it refuses is shown on the form, with the input kept."""

    form = CatalogueForm
    amounts: ClassVar[tuple[Callable[[Any], str], ...]] = ()
    """Columns of the fields that are money, for those who may only look at them."""
    change_form_template = "admin/campaigns/catalogue_form.html"
    change_form_before_template = "admin/campaigns/catalogue_before.html"
    delete_confirmation_template = "admin/campaigns/catalogue_delete.html"

    def told_by(self, row: Any) -> dict[str, str | int]:
        """Return the filter of the history that finds the events of the row."""
        return {"subject__exact": subject_of(row)}

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what people fill in; what the form began with is hidden, and put on the page by its own template."""
        names: list[Any] = [name for name in super().get_fields(request, obj) if name != catalogue_conflict.BEGAN]
        if obj is None or self.has_change_permission(request, obj):
            return names
        amounts = {name_of(each): each for each in self.amounts}
        return [amounts.get(name, name) for name in names]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Return a field; that of an amount in the site's currency names it."""
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(db_field, models.DecimalField) and self.model is not Plan:
            field.label = f"{field.label} ({settings.CURRENCY})"
        return field

    def save_model(self, request: HttpRequest, obj: Any, form: Any, *_: Any) -> None:
        """Save through the service."""
        began = form.cleaned_data.get(catalogue_conflict.BEGAN)
        catalogue.save(obj, user=person(request), now=timezone.now(), began=began)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete through the service."""
        catalogue.delete(obj, user=person(request), now=timezone.now())

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Show the form again, with its input and the reason, where the service says no to what the form accepted."""
        stored = self._stored_form(request, object_id) if request.method == "POST" and object_id else None
        if stored:
            set_post(request, catalogue_conflict.written(request.POST, stored))
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (Refused, ValidationError) as error:
            setattr(request, REFUSAL, error)
            more = self._overtaken(request, object_id, error) if isinstance(error, Overtaken) else {}
            return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def _stored_form(self, request: HttpRequest, object_id: str | None) -> Any:
        """Return the form as it shows the entry in the database, None where this person can't change it."""
        entry = self.get_object(request, unquote(object_id or ""))
        if not self.has_change_permission(request, entry):
            return None
        return self.get_form(request, entry, change=True)(instance=entry)

    def _overtaken(self, request: HttpRequest, object_id: str | None, error: Overtaken) -> dict[str, Any]:
        """Let the form begin anew with the entry as it is now; return what the page compares."""
        stored = self._stored_form(request, object_id)
        compared = catalogue_conflict.rows(stored.instance, error, person(request))
        set_post(request, catalogue_conflict.again(request.POST, stored, error, compared))
        setattr(request, REFUSAL, Stale(catalogue_conflict.words(error, compared)))
        return {"conflict": compared, "errors": []}  # nothing is to be corrected, but compared

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> Any:
        """Call the entry by what is stored, not by what somebody has typed and not saved."""
        if obj is not None and request.method == "POST":
            stored = self.get_object(request, str(obj.pk))
            context |= {"original": stored, "subtitle": str(stored)}
        return super().render_change_form(request, context, add, change, form_url, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form; after a refusal, one that says so."""
        form = super().get_form(request, obj, change=change, **kwargs)
        refusal = getattr(request, REFUSAL, None)
        return _refused(form, refusal) if refusal else form

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Return a choice by typing that says so when what came was not in the list."""
        rows = {Branch: branches_for, Agent: agents_for}[db_field.remote_field.model](person(request))
        own = {"widget": RowSelect(db_field, self.admin_site), "form_class": RowField, "queryset": rows}
        return super().formfield_for_foreignkey(db_field, request, **kwargs | own)

    def get_deleted_objects(self, objs: Any, *_: Any) -> Any:
        """Tell of the rows alone: the service deletes nothing with them, and says why where they are in use."""
        return [str(row) for row in objs], {self.opts.verbose_name_plural: len(objs)}, set(), []

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Delete after a question, which isn't asked where the row is in use; where the service says no, say why."""
        row: Any = self.get_object(request, unquote(object_id))
        page = {
            **(extra_context or {}),
            "title": f"Delete {self.opts.verbose_name} {row}",
            "kept": catalogue.why_kept(row),
            "templates": row.templates.count() if isinstance(row, Branch) else 0,
        }
        try:
            return super().delete_view(request, object_id, page)
        except (Refused, ValidationError) as error:
            messages.error(request, _words(error))
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", object_id)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by words; on behalf of an order's form, only among what such an order may have."""
        found = fit_for_order(request, queryset)
        if len(search_term) > LONGEST_SEARCH:
            return found.none(), False
        if not search_term:
            return found, False
        return (few_with_words if is_of_one_branch(request) else with_words)(found, search_term), False

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return pages; of choices, such as are not counted."""
        pages = ChoicePaginator if "field_name" in request.GET else self.paginator
        return pages(*args, **kwargs)


def fit_for_order(request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Limit an autocomplete of the order's form: to active rows, and agents and listings to the branch it forwards."""
    asked = request.GET
    if not _is_for_order(request):
        return rows
    if is_of_one_branch(request):
        return rows.filter(active=True, branch=row_id(asked.get("branch", "")) or 0)
    # The lists' filters ask for branches and plans too, and old orders may have one that is no longer active.
    return rows.filter(active=True) if "order_form" in asked else rows


def is_of_one_branch(request: HttpRequest) -> bool:
    """Say whether an order's form asks for agents or listings, which are those of its branch."""
    return _is_for_order(request) and request.GET.get("field_name") in ("agent", "listings")


def _is_for_order(request: HttpRequest) -> bool:
    return (request.GET.get("app_label"), request.GET.get("model_name")) == ("campaigns", "order")


def set_post(request: HttpRequest, data: QueryDict) -> None:
    """Put other data in the place of what was sent, for the views to come."""
    request.POST = data  # type: ignore[assignment]  # Django's own is immutable, which nothing here relies on


def _refused(form: Any, refusal: Refused | ValidationError) -> Any:
    class RefusedForm(form):  # type: ignore[misc]  # the admin makes its form classes while it runs
        def clean(self) -> Any:
            cleaned = super().clean()
            add_refusal(self, refusal)
            return cleaned

    return RefusedForm


def _words(error: Refused | ValidationError) -> str:
    return " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
