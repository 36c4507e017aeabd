"""Save, rename and delete views of the lists. A view is a question, never an answer: it gives nobody rows to see."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from campaigns.models import SavedView
from campaigns.services.errors import NotAllowed
from campaigns.services.history import record, require

MOST_VIEWS = 50
MOST_FILTERS = 30
LONGEST_FILTER = 500


@dataclass(frozen=True)
class ViewState:
    """What a list is asked for: filters and search as pairs, columns (none: the list's own), and the order by columns."""

    filters: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] = ()
    ordering: tuple[str, ...] = ()

    @classmethod
    def of(cls, view: SavedView) -> "ViewState":
        """Return what a saved view asks for."""
        pairs = tuple((str(name), str(value)) for name, value in view.filters)
        return cls(pairs, tuple(map(str, view.columns)), tuple(map(str, view.ordering)))


def save_view(
    list_name: str,
    name: str,
    state: ViewState,
    *,
    group: Group | None = None,
    for_all: bool = False,
    user: User,
    now: datetime,
) -> SavedView:
    """Keep a view for its owner, and for a group of theirs or for all. Raises NotAllowed, or ValidationError by field."""
    _check_audience(group, user, for_all=for_all)
    _check_size(state)
    if SavedView.objects.filter(owner=user).count() >= MOST_VIEWS:
        raise ValidationError({"name": f"You have {MOST_VIEWS} views, and nobody keeps more. Delete one first."})
    view = SavedView(
        list_name=list_name,
        filters=[list(pair) for pair in state.filters],
        columns=list(state.columns),
        ordering=list(state.ordering),
        owner=user,
        group=group,
        for_all=for_all,
        saved_at=now,
    )
    with transaction.atomic():
        _name(view, name)
        _record(view, "saved", user, now)
    return view


def rename_view(view: SavedView, name: str, *, user: User, now: datetime) -> None:
    """Give a view of the user's own another name. Raises NotAllowed, or ValidationError by field."""
    _require_owner(view, user, "rename")
    old = view.name
    with transaction.atomic():
        _name(view, name)
        _record(view, f"renamed, from “{old}”,", user, now)


def delete_view(view: SavedView, *, user: User, now: datetime) -> None:
    """Delete a view of the user's own, for everybody who could open it. Raises NotAllowed."""
    _require_owner(view, user, "delete")
    with transaction.atomic():
        _record(view, "deleted", user, now)
        view.delete()


def _check_audience(group: Group | None, user: User, *, for_all: bool) -> None:
    if for_all:
        require(user, "every_branch", "save views for all")
    if for_all and group:
        raise ValidationError({"audience": "A view is for one group or for all, not both."})
    if group and not user.groups.filter(pk=group.pk).exists():
        raise NotAllowed(f"{user.get_username()} is no member of the group {group}, so can't save views for it.")


def _check_size(state: ViewState) -> None:
    too_long = any(len(part) > LONGEST_FILTER for pair in state.filters for part in pair)
    if too_long or len(state.filters) > MOST_FILTERS:
        raise ValidationError(
            {"name": "The filters and the search of this list are too long to keep. Shorten them first."}
        )


def _require_owner(view: SavedView, user: User, deed: str) -> None:
    if view.owner_id != user.pk:
        raise NotAllowed(f"The view “{view}” is {view.owner.get_username()}'s, and only its owner may {deed} it.")


def _name(view: SavedView, name: str) -> None:
    view.name = name.strip()
    view.clean_fields()
    if any(not sign.isprintable() for sign in view.name):
        raise ValidationError({"name": "The name holds an invisible character. Type it again without."})
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError:
        message = f"You have a view “{view.name}” of this list already. Choose another name, or delete that view first."
        raise ValidationError({"name": message}) from None


def _record(view: SavedView, did: str, user: User, now: datetime) -> None:
    whom = "all" if view.for_all else f"the group {view.group}" if view.group else "themselves"
    text = f"{user.get_username()} {did} the view “{view}” of the {view.get_list_name_display().lower()}, for {whom}."
    data = {"filters": view.filters, "columns": view.columns, "ordering": view.ordering}
    record(f"view.{did.split(',')[0]}", text, now=now, by=user, data=data)
