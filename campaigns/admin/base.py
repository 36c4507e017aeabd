"""What all rooms of the admin share: Unfold's look, short pages, no bulk actions."""

from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as StyledModelAdmin
else:
    from unfold.admin import ModelAdmin as UnfoldModelAdmin

    class StyledModelAdmin(UnfoldModelAdmin):
        """Unfold's admin, which can be subscripted like the type that the type checker sees."""

        __class_getitem__ = classmethod(lambda cls, _model: cls)


ModelT = TypeVar("ModelT", bound=Model)


class ModelAdmin(StyledModelAdmin[ModelT]):
    """An admin of this site. No bulk actions: each change is one person's deed on one row, with its line of history."""

    actions = None
    list_per_page = 25
    show_full_result_count = False
    show_facets = ShowFacets.NEVER


class RecordedAdmin(ModelAdmin[ModelT]):
    """An admin of rows whose changes are events: the History button leads to those."""

    def told_by(self, row: Any) -> dict[str, str | int]:
        """Return the filter of the history that finds the events of the row."""
        raise NotImplementedError

    def history_view(self, request: HttpRequest, object_id: str, *_: Any) -> Any:
        """Lead to the row's events."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        return redirect(f"{reverse('admin:campaigns_event_changelist')}?{urlencode(self.told_by(row))}")


class ReadOnlyAdmin(RecordedAdmin[ModelT]):
    """An admin that only shows: its rows are written by the services."""

    def get_readonly_fields(self, *_: Any) -> list[str]:
        """Return every field, also those that no form ever has."""
        return [field.name for field in self.opts.concrete_fields if not field.primary_key]

    def has_add_permission(self, *_: Any, **__: Any) -> bool:
        """Nobody adds a row here."""
        return False

    def has_change_permission(self, *_: Any, **__: Any) -> bool:
        """Nobody changes a row here."""
        return False

    def has_delete_permission(self, *_: Any, **__: Any) -> bool:
        """Nobody deletes a row here."""
        return False


def person(request: HttpRequest) -> User:
    """Return the signed-in user of a page that only staff reach."""
    if not isinstance(request.user, User):
        raise TypeError("This page is for signed-in people only.")
    return request.user
