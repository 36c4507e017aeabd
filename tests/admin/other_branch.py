"""A branch that somebody does not work for, with rows of every kind, and all addresses that lead to them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.urls import URLPattern, URLResolver, reverse
from django.utils import timezone
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule

from campaigns.domain.batches import BatchKind
from campaigns.domain.states import Action
from campaigns.models import (
    Agent,
    Attempt,
    Batch,
    Branch,
    Campaign,
    Command,
    Event,
    ImportFile,
    Listing,
    Order,
    Plan,
    SavedView,
)
from campaigns.services import batches, commands, orders
from campaigns.services.batch_deeds import deed_named
from tests import factories
from tests.admin import building

MARK = "Zanzibar"
"""Stands in every text of the other branch: a page that shows it shows what it must not."""
BEGINNING = MARK[:4]
"""What to search for: the page repeats it, and it is not the mark."""

# Everybody sees the plans; nobody but administrators sees users, groups and the schedule.
OF_NO_BRANCH: dict[type[Model], Callable[[], Any]] = {
    Plan: factories.make_plan,
    User: lambda: factories.make_user("somebody"),
    Group: lambda: Group.objects.create(name="Sellers"),
    IntervalSchedule: lambda: IntervalSchedule.objects.create(every=7, period="days"),
    CrontabSchedule: lambda: CrontabSchedule.objects.create(minute="7"),
    ClockedSchedule: lambda: ClockedSchedule.objects.create(clocked_time=timezone.now()),
    SolarSchedule: lambda: SolarSchedule.objects.create(event="sunset", latitude=-33, longitude=18),
    PeriodicTask: lambda: PeriodicTask.objects.get_or_create(name="a task", task="x", interval=_weekly())[0],
}
# Django's own pages, which are about nothing of ours.
NOT_OURS = {
    *("index", "login", "logout", "password_change", "password_change_done"),
    *("autocomplete", "jsi18n", "view_on_site", "app_list"),
}


# Pages of the lists that are about something which somebody keeps for themselves, by how their addresses' names end.
SOMEBODYS = {
    ("_view", "_view_rename", "_view_delete"): SavedView,
    ("_import_preview", "_import_rejected"): ImportFile,
}


def _weekly() -> IntervalSchedule:
    return IntervalSchedule.objects.get_or_create(every=1, period="days")[0]


@dataclass(frozen=True)
class OtherBranch:
    """The branch, and its rows by model."""

    branch: Branch
    rows: dict[type[Model], list[Any]]

    def row(self, model: type[Model]) -> Any:
        """Return one of the rows."""
        return self.rows[model][0]


def make_other_branch() -> OtherBranch:
    """Write the branch with orders in every state that somebody could do something about."""
    branch = factories.make_branch(name=f"{MARK} office", external_id="other-1")
    strict = factories.make_branch(name=f"{MARK} strict", external_id="other-2", approval_threshold=1)
    agents = [factories.make_agent(each, name=f"{MARK} agent") for each in (branch, strict)]
    titles = {"title": f"{MARK} house", "address": f"1 {MARK} Road"}
    listings = [factories.make_listing(each, **titles) for each in (branch, strict)]
    boss = factories.make_user(f"{MARK}-boss", *building.EVERYTHING)
    build = [building.draft, building.queued, building.rejected, building.in_doubt]
    made = [make(boss, branch=branch, listings=(listings[0],), agent=agents[0]) for make in build]
    made.append(building.published(f"{MARK}-queue", user=boss, branch=branch, listings=(listings[0],), agent=agents[0]))
    waiting = building.draft(boss, branch=strict, listings=(listings[1],), agent=agents[1])
    made.append(orders.submit(waiting.pk, waiting.version, user=boss, now=timezone.now()))
    campaign = Campaign.objects.get()
    command = commands.ask(campaign.pk, Action.PAUSE, reason=f"{MARK} is sold", user=boss, now=timezone.now())
    rows: dict[type[Model], list[Any]] = {
        Branch: [branch, strict],
        Agent: agents,
        Listing: listings,
        Order: made,
        Attempt: list(Attempt.objects.all()),
        Campaign: [campaign],
        Command: [command],
        Event: list(Event.objects.filter(order__in=made)),
        Batch: [_batch(waiting, boss)],
        SavedView: [_view(name, boss) for name in ("order", "campaign", "listing")],
        ImportFile: [_file(kind, boss) for kind in ("branches", "agents", "listings", "plans", "orders")],
    }
    return OtherBranch(branch, rows)


def _batch(order: Order, owner: User) -> Batch:
    deed = deed_named(BatchKind.ORDER, "cancel")
    assert deed
    rows = Order.objects.filter(pk=order.pk)
    seen = {order.pk: batches.foresee(deed, rows, user=owner, now=timezone.now())[0].seen}
    return batches.start(
        BatchKind.ORDER, deed, rows, seen, token="t", reason=f"{MARK} is sold", user=owner, now=timezone.now()
    )


def _view(list_name: str, owner: User) -> SavedView:
    return SavedView.objects.create(list_name=list_name, name=f"{MARK} view", owner=owner, saved_at=timezone.now())


def _file(kind: str, owner: User) -> ImportFile:
    now = timezone.now()
    times = {"uploaded_at": now, "expires_at": now + timedelta(days=1)}
    return ImportFile.objects.create(kind=kind, name=f"{MARK}.csv", content=b"external_id", owner=owner, **times)


def addresses() -> Iterator[tuple[str, type[Model] | None, list[str]]]:
    """Yield the name of every address of the admin that is ours, the model it belongs to, and its arguments."""
    models = {f"{model._meta.app_label}_{model._meta.model_name}": model for model in admin.site._registry}
    for pattern in _patterns(admin.site.get_urls()):
        name = pattern.name or ""
        if name in NOT_OURS or not name:
            continue
        kept = next((model for endings, model in SOMEBODYS.items() if name.endswith(endings)), None)
        owner = max((key for key in models if name.startswith(f"{key}_")), key=len, default=None)
        model = kept or (models[owner] if owner else User if name.startswith("auth_user") else None)
        yield (
            name,
            model,
            list(pattern.pattern.converters)
            + list(pattern.pattern.regex.groupindex) * (not pattern.pattern.converters),
        )


def _patterns(patterns: list[Any]) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns)
        else:
            yield pattern


def pages_of_a_row(rows: dict[type[Model], list[Any]]) -> list[str]:
    """Return every address of each of the rows."""
    found = []
    for name, model, arguments in addresses():
        if arguments and model in rows:
            assert len(arguments) == 1, f"{name} takes {arguments}: teach this test what they are"
            found += [reverse(f"admin:{name}", kwargs={arguments[0]: row.pk}) for row in rows[model]]
    return found


def pages_of_no_row() -> list[str]:
    """Return every address without arguments: lists, queues, forms of something new."""
    return [reverse(f"admin:{name}") for name, _, arguments in addresses() if not arguments]


def questions(other: OtherBranch) -> list[str]:
    """Return what to ask the lists for: the other branch's rows by filter, and by search."""
    by_filter = [
        f"{field}={row.pk}"
        for field, model in product(
            ("branch__id__exact", "order__id__exact", "campaign__id__exact"), (Branch, Order, Campaign)
        )
        if field.startswith(str(model._meta.model_name))
        for row in other.rows[model]
    ]
    return ["", f"q={BEGINNING}", *by_filter, f"subject__exact=branch:{other.branch.external_id}"]


def autocompletes(other: OtherBranch) -> list[str]:
    """Return every question that an autocomplete could ask for rows of the other branch."""
    fields = [
        field
        for model in admin.site._registry
        for field in (*model._meta.fields, *model._meta.many_to_many)
        if field.remote_field
    ]
    page = reverse("admin:autocomplete")
    return [
        f"{page}?term={BEGINNING}&app_label={field.model._meta.app_label}&model_name={field.model._meta.model_name}"
        f"&field_name={field.name}&branch={other.branch.pk}{more}"
        for field in fields
        for more in ("", "&order_form=1")
    ]
