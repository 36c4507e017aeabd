"""What all rooms of the admin share: Unfold's look, short pages, no bulk actions."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.contrib import admin, messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ERROR_FLAG, SEARCH_VAR
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import capfirst

from campaigns import selectors
from campaigns.admin import empty, look, narrowing
from campaigns.admin.empty import Step
from campaigns.admin.fields import RowsField
from campaigns.admin.pages import BigList, ListPaginator

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as StyledModelAdmin
else:
    from unfold.admin import ModelAdmin as UnfoldModelAdmin

    class StyledModelAdmin(UnfoldModelAdmin):
        """Unfold's admin, which can be subscripted like the type that the type checker sees."""

        __class_getitem__ = classmethod(lambda cls, _model: cls)


LONGEST_SEARCH = 200
BEGINS = "__begins"

ModelT = TypeVar("ModelT", bound=Model)


class ModelAdmin(StyledModelAdmin[ModelT]):
    """An admin of this site. No bulk actions: each change is one person's deed on one row, with its line of history."""

    actions = None
    list_per_page = 25
    show_full_result_count = False
    empty_value_display = look.NOTHING_IN_CELL
    show_facets = ShowFacets.NEVER
    list_title: ClassVar[str] = ""
    """What the list is called, where the menu calls it something else than its rows."""
    appears: ClassVar[str] = "What somebody adds appears here."
    """What the list will show, for one that is empty."""
    comes_from: ClassVar[type[Model] | None] = None
    """The rows from which those of this list come, where nobody adds them here."""
    paginator = ListPaginator

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the list; leave out filters with a number that SQLite can't hold, as Django does with any other nonsense."""
        if len(request.GET.get(SEARCH_VAR, "")) > LONGEST_SEARCH:
            return _without_search(request)
        title = self.list_title or capfirst(str(self.opts.verbose_name_plural))
        try:
            answer = super().changelist_view(request, {"title": title, **(extra_context or {})})
        except OverflowError:
            return redirect(f"{request.path}?{ERROR_FLAG}=1")
        found = (getattr(answer, "context_data", None) or {}).get("cl")
        if found is None:
            return answer
        found.chips, found.clear, found.sorts = (
            narrowing.chips(found, request),
            empty.clear(found),
            narrowing.sorts(found),
        )
        found.longest_search = LONGEST_SEARCH
        found.has_active_filters = any(value for values in found.get_filters_params().values() for value in values)
        if not found.result_list:
            none_at_all = not found.root_queryset.exists()
            found.empty = (
                empty.nothing_yet(found, self.appears, self.first_steps(request))
                if none_at_all
                else empty.no_match(found)
            )
        return answer

    def first_steps(self, request: HttpRequest) -> list[Step]:
        """Return what this person may do so that something appears in the list."""
        if self.has_add_permission(request):
            return [empty.step(self.opts, "add", f"Add {self.opts.verbose_name}", "add")]
        if self.comes_from is None:
            return []
        source = self.comes_from._meta
        if not request.user.has_perm(f"{source.app_label}.view_{source.model_name}"):
            return []
        return [empty.step(source, "changelist", f"Go to the {source.verbose_name_plural}", "arrow_forward")]

    def get_changelist(self, *_: Any, **__: Any) -> type[BigList]:
        """Return the list that may be long."""
        return BigList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by how references begin, where all fields are such; never for what nobody can have meant."""
        if len(search_term) > LONGEST_SEARCH or "\0" in search_term:
            return queryset.none(), False
        fields = list(self.get_search_fields(request))
        if fields and all(field.endswith(BEGINS) for field in fields):
            paths = [field.removesuffix(BEGINS) for field in fields]
            return selectors.beginning(queryset, paths, search_term), False
        return super().get_search_results(request, queryset, search_term)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse what leads from a row to those that refer to it: these may be of another branch."""
        fields = self.opts.get_fields(include_hidden=True)
        reverse_names = {field.name for field in fields if field.auto_created and not field.concrete}
        return lookup.partition("__")[0] not in reverse_names and super().lookup_allowed(lookup, value, request)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> ModelT:
        """Return the row; raise Http404 where there is none that the person may see, instead of leading them home."""
        row: ModelT | None = super().get_object(request, object_id, from_field)
        if row is None:
            raise Http404
        return row

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Return a choice of rows that says so when what came was not in the list."""
        return super().formfield_for_manytomany(db_field, request, form_class=RowsField, **kwargs)


class RecordedAdmin(ModelAdmin[ModelT]):
    """An admin of rows whose changes are events: the History button leads to those."""

    def told_by(self, row: Any) -> dict[str, str | int]:
        """Return the filter of the history that finds the events of the row."""
        raise NotImplementedError

    def history_view(self, request: HttpRequest, object_id: str, *_: Any) -> Any:
        """Lead to the row's events."""
        row = self.get_object(request, unquote(object_id))
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        return redirect(f"{reverse('admin:campaigns_event_changelist')}?{urlencode(self.told_by(row))}")


class ReadOnlyAdmin(RecordedAdmin[ModelT]):
    """An admin that only shows: its rows are written by the services."""

    list_select_related: ClassVar[tuple[str, ...]] = ()

    def get_readonly_fields(self, *_: Any) -> list[str]:
        """Return every field, also those that no form ever has."""
        return [field.name for field in self.opts.concrete_fields if not field.primary_key]

    def has_add_permission(self, *_: Any, **__: Any) -> bool:
        """Nobody adds a row here."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelT]:
        """Return the rows, each with those that its name and its list tell of."""
        return super().get_queryset(request).select_related(*self.list_select_related)

    def has_change_permission(self, *_: Any, **__: Any) -> bool:
        """Nobody changes a row here."""
        return False

    def has_delete_permission(self, *_: Any, **__: Any) -> bool:
        """Nobody deletes a row here."""
        return False


def _without_search(request: HttpRequest) -> HttpResponseRedirect:
    """Lead to the list without the search, and say why."""
    rest = request.GET.copy()
    words = rest.pop(SEARCH_VAR)
    messages.error(
        request,
        f"A search has at most {LONGEST_SEARCH} characters, and yours has {len(words[-1]):,}. Nothing was searched for.",
    )
    return HttpResponseRedirect(f"{request.path}?{rest.urlencode()}")


@admin.display(description="branch", ordering="branch__name")
def branch_name(row: Any) -> str:
    """Return the name of the row's branch; its long id is on the row's own page."""
    return str(row.branch.name)


@admin.display(description="plan", ordering="plan__name")
def plan_name(row: Any) -> str:
    """Return the name of the row's plan; its long reference is on the row's own page."""
    return str(row.plan.name)


def amount_of(field: str, currency: Callable[[Any], str] = lambda _row: "") -> Callable[[Any], str]:
    """Return a column, called like the field, of its amounts with their currency: the site's unless given."""

    @admin.display(description=field.replace("_", " "), ordering=field)
    def amount(row: Any) -> str:
        value = getattr(row, field)
        return look.NOTHING if value is None else look.amount(value, currency(row))

    amount.__name__ = field
    return amount


def person(request: HttpRequest) -> User:
    """Return the signed-in user of a page that only staff reach."""
    if not isinstance(request.user, User):
        raise TypeError("This page is for signed-in people only.")
    return request.user
