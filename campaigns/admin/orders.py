"""Orders: the list, the page of one order, and the form of a draft."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString

from campaigns.admin import (
    approval_queue,
    commenting,
    conflicts,
    doubt_queue,
    look,
    order_conflict,
    order_facts,
    order_page,
    template_pages,
    timeline,
)
from campaigns.admin.actions import buttons, deed_urls
from campaigns.admin.base import branch_name, person, plan_name
from campaigns.admin.bulk import BulkAdmin
from campaigns.admin.export_columns import moment, money, text, words
from campaigns.admin.filters import ChoiceFilter, CommittedWeek, OrderNeeds, RelatedFilter
from campaigns.admin.forms import OrderForm, add_refusal
from campaigns.admin.ids import row_id
from campaigns.admin.order_deeds import EDIT, ORDER_DEEDS
from campaigns.admin.why import hindrances
from campaigns.domain.batches import BatchKind
from campaigns.domain.money import format_money
from campaigns.domain.states import OrderState
from campaigns.models import Order
from campaigns.selectors import branches_for, orders_for, works_everywhere
from campaigns.services import orders
from campaigns.services.errors import Refused, Stale

NO_BRANCH_OF_YOURS = (
    "You do not work for any branch yet, and an order belongs to one. Ask an administrator to add you to your branch."
)
NO_BRANCH_AT_ALL = "There is no branch yet, and an order belongs to one. Add or import the branches first."


@admin.register(Order)
class OrderAdmin(BulkAdmin[Order]):
    """What to publish. Nothing is written here but by the services, and only a draft has a form."""

    kind = BatchKind.ORDER
    appears = (
        "An order says what to advertise: a plan, a branch, its listings and the dates. Those of your branches appear here as "
        "drafts, and stay until long after they are published."
    )
    list_display_links = ("order_ref",)
    list_display = ("order_ref", branch_name, plan_name, "state_badge", "costs", "starts", "trouble")
    list_filter = (
        OrderNeeds,
        ("state", ChoiceFilter),
        ("branch", RelatedFilter),
        ("plan", RelatedFilter),
        CommittedWeek,
    )
    list_filter_submit = True
    date_hierarchy = "created_at"
    list_select_related = ("branch", "plan", "agent", "created_by")
    import_kind, has_views = "orders", True
    more_columns = ("agent", "ends", "created_by", "created_at")
    plain = {
        "state_badge": words("state", "state"),
        "costs": money("amount", lambda order: order.amount, lambda order: order.amount_currency),
        "starts": moment("start", lambda order: order.start_at, lambda order: order.branch.zone),
        "ends": moment("end", lambda order: order.end_at, lambda order: order.branch.zone),
        "trouble": text("problem", lambda order: order.problem),
    }
    search_fields = ("order_ref__begins",)
    search_help_text = "Order ref, from its beginning"

    def told_by(self, row: Any) -> dict[str, str | int]:
        """Return the filter of the history that finds the events of the row."""
        return {"order__id__exact": row.pk}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        """Return the orders that this person may see."""
        return orders_for(person(request))

    def has_add_permission(self, request: HttpRequest, *_: Any, **__: Any) -> bool:
        """Return whether this person may build orders."""
        return request.user.has_perm("campaigns.add_order")

    def get_urls(self) -> list[URLPattern]:
        """Add the draft's form, the facts it shows, and the deeds."""
        view = self.admin_site.admin_view
        return [
            path("facts/", view(self.facts_view), name="campaigns_order_facts"),
            path("in-doubt/", view(doubt_queue.view), {"rooms": self}, name="campaigns_order_doubts"),
            path("approvals/", view(approval_queue.view), {"rooms": self}, name="campaigns_order_approvals"),
            path("<int:pk>/edit/", view(self.edit_view), name="campaigns_order_edit"),
            *commenting.urls(self),
            *template_pages.urls(self),
            *deed_urls(self, ORDER_DEEDS),
            *super().get_urls(),
        ]

    def change_view(self, request: HttpRequest, object_id: str, *_: Any, **__: Any) -> Any:
        """Show an order; whatever is sent here changes nothing."""
        mine = order_page.orders(person(request)).prefetch_related("campaigns")
        order = get_object_or_404(mine, pk=row_id(object_id))
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            **order_page.context(order, person(request), timezone.now()),
            "timeline": timeline.context(order, person(request), request.GET),
            "opts": self.opts,
            "original": order,
            "title": f"Order {order}",
            "buttons": buttons(person(request), order, ORDER_DEEDS),
            "may_edit": EDIT.is_for(person(request), order),
            "why_not": hindrances(person(request), order, [EDIT, *ORDER_DEEDS]),
        }
        return TemplateResponse(request, "admin/campaigns/order.html", context)

    def add_view(self, request: HttpRequest, *_: Any, **__: Any) -> Any:
        """Ask for a new order."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if not branches_for(person(request)).exists():
            return self._no_branch_page(request)
        form = OrderForm(request.POST if request.method == "POST" else None, user=person(request))
        if request.method == "POST" and form.is_valid():
            try:
                order = orders.create_order(
                    form.content(),
                    order_ref=form.cleaned_data["order_ref"],
                    user=person(request),
                    now=timezone.now(),
                )
            except (Refused, ValidationError) as refusal:
                add_refusal(form, refusal)
            else:
                messages.success(request, f"Draft {order} is saved. Nothing is published until it is submitted.")
                return redirect("admin:campaigns_order_change", order.pk)
        return self._form_page(request, form, None)

    def _no_branch_page(self, request: HttpRequest) -> TemplateResponse:
        """Say why there is no form: an order is a branch's."""
        words = NO_BRANCH_AT_ALL if works_everywhere(person(request)) else NO_BRANCH_OF_YOURS
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": "New order", "words": words}
        return TemplateResponse(request, "admin/campaigns/no_branch.html", context)

    def edit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for another content of a draft."""
        order = get_object_or_404(order_page.orders(person(request)), pk=pk)
        if not request.user.has_perm("campaigns.change_order"):
            raise PermissionDenied
        if order.state != OrderState.DRAFT and request.method != "POST":
            messages.error(request, f"Order {order} is submitted and can't be edited. Return it to draft first.")
            return redirect("admin:campaigns_order_change", pk)
        written = order_conflict.written(request.POST, order) if request.method == "POST" else None
        form, moved_on, conflict = OrderForm(written, user=person(request), order=order), False, None
        if written and form.is_valid():
            try:
                version = form.cleaned_data["version"]
                orders.edit_order(pk, version, form.content(), user=person(request), now=timezone.now())
            except (Refused, ValidationError) as refusal:
                order = get_object_or_404(order_page.orders(person(request)), pk=pk)
                if isinstance(refusal, Stale) and EDIT.is_for(person(request), order) and form.cleaned_data["began"]:
                    conflict = order_conflict.rows(form, order, person(request))
                    form = order_conflict.again(written, order, conflict, person(request))
                    refusal = Stale(conflicts.summary(conflict))
                add_refusal(form, refusal)
                moved_on = isinstance(refusal, Refused) and conflict is None
            else:
                messages.success(request, f"Draft {order} is saved. Nothing is published until it is submitted.")
                return redirect("admin:campaigns_order_change", pk)
        return self._form_page(request, form, order, moved_on=moved_on, conflict=conflict)

    def facts_view(self, request: HttpRequest) -> JsonResponse:
        """Return, for the form's script, what the chosen plan and branch mean for the order."""
        if not (request.user.has_perm("campaigns.view_plan") and request.user.has_perm("campaigns.view_branch")):
            raise PermissionDenied
        return JsonResponse(order_facts.facts(request.GET, person(request)))

    def _form_page(
        self,
        request: HttpRequest,
        form: OrderForm,
        order: Order | None,
        *,
        moved_on: bool = False,
        conflict: list[conflicts.Compared] | None = None,
    ) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": order,
            "title": f"Edit order {order}" if order else "New order",
            "form": form,
            "order": order,
            "conflict": conflict,
            "changed": order_page.last_change(order, person(request)) if order and moved_on else "",
        }
        return TemplateResponse(request, "admin/campaigns/order_form.html", context)

    @admin.display(description="state", ordering="state")
    def state_badge(self, order: Order) -> SafeString:
        """Return where it stands."""
        return look.badge(order.state, look.STATES)

    @admin.display(description="amount")
    def costs(self, order: Order) -> str:
        """Return what it costs."""
        return format_money(order.amount, order.amount_currency)

    @admin.display(description="start")
    def starts(self, order: Order) -> SafeString:
        """Return when it starts, on the branch's clock."""
        return look.at(order.start_at, order.branch.zone)

    @admin.display(description="end", ordering="end_at")
    def ends(self, order: Order) -> SafeString:
        """Return when it ends, on the branch's clock."""
        return look.at(order.end_at, order.branch.zone)

    @admin.display(description="problem")
    def trouble(self, order: Order) -> SafeString | str:
        """Return what staff must know first."""
        return look.short(order.problem, 60)
