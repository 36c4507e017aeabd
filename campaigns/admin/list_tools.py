"""What stands above a list: saved views, a choice of columns, import and export."""

from typing import Any, ClassVar

from django.contrib.admin.options import ModelAdmin as StockAdmin
from django.contrib.admin.utils import label_for_field
from django.http import HttpRequest, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from campaigns import selectors
from campaigns.admin import empty, exports, imports, saved_views
from campaigns.admin.base import person
from campaigns.admin.empty import Step
from campaigns.admin.export_columns import Columns
from campaigns.admin.listed import (
    COLUMN,
    COLUMNS,
    TICK,
    WRONG,
    ListOfColumns,
    address,
    chosen,
    listed,
    name_of,
    state_of,
)
from campaigns.services.views import ViewState


class ListTools(StockAdmin):  # type: ignore[type-arg]  # a mixin before the rooms of each model
    """Gives a list its tools; each only to those who may use it."""

    list_before_template = "admin/campaigns/list_tools.html"
    import_kind: ClassVar[str] = ""
    """What can be imported here, one of services.imports.NAMES; empty: nothing."""
    more_columns: ClassVar[tuple[Any, ...]] = ()
    """Columns that people may choose besides those of `list_display`."""
    has_views: ClassVar[bool] = False
    plain: ClassVar[dict[str, Columns]] = {}
    """How columns are exported that are no field, or shown as more than a text."""

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of the tools."""
        view, model = self.admin_site.admin_view, self.opts.model_name
        tools = [path("export/", view(exports.view), {"rooms": self}, name=f"campaigns_{model}_export")]
        tools += imports.urls(self, self.import_kind) if self.import_kind else []
        tools += saved_views.urls(self) if self.has_views else []
        return [*tools, *super().get_urls()]

    def first_steps(self, request: HttpRequest) -> list[Step]:
        """Return the first steps of the list, and its import."""
        steps: list[Step] = super().first_steps(request)  # type: ignore[misc]  # before this site's own rooms
        if self.import_kind and imports.is_allowed(self.import_kind, person(request)):
            steps.append(empty.step(self.opts, "import", f"Import {self.opts.verbose_name_plural}…", "upload"))
        return steps

    def all_columns(self, request: HttpRequest) -> list[Any]:
        """Return every column that this person may choose."""
        return [*super().get_list_display(request), *self.more_columns]

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns that the address asks for, else the list's own."""
        asked = chosen(request.GET, self.all_columns(request)) if self.has_views else []
        return asked or super().get_list_display(request)

    def get_changelist(self, *_: Any, **__: Any) -> Any:
        """Return the list that knows of columns."""
        return ListOfColumns

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list with its tools; a choice of columns becomes a part of its address first."""
        if self.has_views and COLUMN in request.GET:
            return self._choose(request)
        answer = super().changelist_view(request, extra_context)
        if isinstance(answer, TemplateResponse) and answer.context_data and "cl" in answer.context_data:
            answer.context_data["tools"] = self._tools(request, answer.context_data["cl"])
        return answer

    def _choose(self, request: HttpRequest) -> HttpResponseRedirect:
        names = [name_of(entry) for entry in self.all_columns(request)]
        asked = request.GET.getlist(COLUMN)
        columns = tuple(name for name in names if name in asked)
        try:
            before = listed(self, request, _without_choice(request)).list_display
        except WRONG:
            return HttpResponseRedirect(request.path)
        state = state_of(request.GET, before)
        ordering = tuple(part for part in state.ordering if part.removeprefix("-") in columns)
        own = [name_of(entry) for entry in super().get_list_display(request)]
        kept = () if list(columns) == own else columns
        shown = [*[entry for entry in before if name_of(entry) == TICK], *(columns or own)]
        return HttpResponseRedirect(request.path + address(ViewState(state.filters, kept, ordering), shown))

    def _tools(self, request: HttpRequest, found: Any) -> dict[str, Any]:
        user, model = person(request), self.opts.model_name
        tools: dict[str, Any] = {"query": request.GET.urlencode()}
        if user.has_perm("campaigns.export_lists"):
            tools["export"] = reverse(f"admin:campaigns_{model}_export")
        if self.import_kind and imports.is_allowed(self.import_kind, user):
            tools["import"] = reverse(f"admin:campaigns_{model}_import")
        if self.has_views:
            tools["columns"] = self._columns(request, found)
            kept = {name: values for name, values in request.GET.lists() if name not in (COLUMNS, COLUMN, "p", "e")}
            tools["kept"] = [(name, value) for name, values in kept.items() for value in values]
            views = selectors.views_for(user, str(model))
            tools |= saved_views.offers(str(model), views, user, state_of(request.GET, found.list_display))
        return tools

    def _columns(self, request: HttpRequest, found: Any) -> list[dict[str, Any]]:
        shown = {name_of(entry) for entry in found.list_display}
        return [
            {
                "name": name_of(entry),
                "title": label_for_field(entry, self.model, model_admin=self),
                "is_shown": name_of(entry) in shown,
            }
            for entry in self.all_columns(request)
        ]


def _without_choice(request: HttpRequest) -> str:
    asked = request.GET.copy()
    asked.pop(COLUMN, None)
    return asked.urlencode()
