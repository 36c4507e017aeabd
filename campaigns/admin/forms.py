"""The forms of an order and of the moves: what people are asked. The rules are the services'."""

import re
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminRadioSelectWidget

from campaigns.admin.fields import (
    AmountField,
    LocalTimeField,
    OrderSelect,
    OrderSelectMultiple,
    RowField,
    RowsField,
    text_area,
    text_input,
)
from campaigns.admin.ids import row_id
from campaigns.admin.times import local_text
from campaigns.domain.states import Resolution
from campaigns.domain.texts import clean
from campaigns.domain.times import in_zone
from campaigns.models import Agent, Branch, Listing, Order, Plan
from campaigns.selectors import agents_for, branches_for, listings_for
from campaigns.services.content import Content
from campaigns.services.errors import Refused

LINE_END = re.compile(r"\r\n|\r|\n")
TIMES = ("start_at", "end_at")
BUDGET_HELP = (
    "Empty: the plan's default. The number is sent as you enter it; Flow does not document whether it counts per listing "
    "or per order."
)


def _select(name: str) -> OrderSelect:
    return OrderSelect(Order._meta.get_field(name), admin.site)


class OrderForm(forms.Form):
    """An order's content. The branch comes first: agents, listings and the clock are its own."""

    branch = RowField(Branch.objects.none(), widget=_select("branch"))
    agent = RowField(Agent.objects.none(), widget=_select("agent"), required=False)
    listings = RowsField(
        Listing.objects.none(), widget=OrderSelectMultiple(Order._meta.get_field("listings"), admin.site)
    )
    plan = RowField(Plan.objects.all(), widget=_select("plan"))
    budget_override = AmountField(label="Budget override", required=False)
    start_at = LocalTimeField(label="Start", required=False)
    end_at = LocalTimeField(label="End", required=False)
    order_ref = forms.CharField(
        label="Order ref",
        required=False,
        max_length=64,
        widget=text_input(autocomplete="off"),
        help_text="Your own reference, sent to Flow. Empty: one is made. It can never be changed.",
    )

    def __init__(self, data: Any = None, *, user: User, order: Order | None = None) -> None:
        self.order = order
        super().__init__(data, initial=_initial(order) if order else _only_branch(user))
        # Every row of the person's branches is a valid choice here, so that the service can say in words why one is not.
        for name, rows in (("branch", branches_for), ("agent", agents_for), ("listings", listings_for)):
            choice: forms.ModelChoiceField[Any] = self.fields[name]  # type: ignore[assignment]  # made above
            choice.queryset = rows(user)
        self.fields["listings"].error_messages["required"] = "Choose at least one listing."
        # Django takes a help text for HTML, and a plan has the name that people gave it.
        told = format_html("In the plan's currency{}. {}", self._currency(), BUDGET_HELP)
        self.fields["budget_override"].help_text = told
        for name in TIMES:
            self.fields[name].help_text = "In the branch's own time. Empty: none is sent, and Flow decides."
        if order:
            del self.fields["order_ref"]
            self.fields["version"] = forms.IntegerField(widget=forms.HiddenInput)
            self.fields["began"] = forms.JSONField(widget=forms.HiddenInput, required=False)

    def _currency(self) -> str:
        """Return what goes on to name the currency of the plan that is chosen; beside a choice made since, the script does."""
        plan = Plan.objects.filter(pk=row_id(str(self["plan"].value())) or 0).first()
        return f", which is {plan.currency} for {clean(plan.name)}" if plan else ""

    def clean_began(self) -> dict[str, Any] | None:
        """Return the content that the form began with; None where it does not say."""
        began = self.cleaned_data["began"]
        return began if isinstance(began, dict) else None

    def clean(self) -> dict[str, Any]:
        """Read the times on the branch's clock."""
        cleaned = super().clean() or {}
        branch = cleaned.get("branch")
        for name in TIMES:
            if branch and cleaned.get(name):
                try:
                    cleaned[name] = self._moment(name, cleaned[name], branch)
                except ValueError as error:
                    self.add_error(name, str(error))
        return cleaned

    def _moment(self, name: str, local: datetime, branch: Branch) -> datetime:
        untouched = self.order and name not in self.changed_data and branch == self.order.branch
        kept: datetime | None = getattr(self.order, name) if untouched else None
        return kept or in_zone(local, branch.zone)

    def content(self) -> Content:
        """Return what a valid form asks for."""
        cleaned = self.cleaned_data
        return Content(
            plan=cleaned["plan"],
            branch=cleaned["branch"],
            listings=tuple(cleaned["listings"]),
            agent=cleaned["agent"],
            start_at=cleaned["start_at"],
            end_at=cleaned["end_at"],
            budget_override=cleaned["budget_override"],
        )


def _only_branch(user: User) -> dict[str, Any]:
    """Return the branch as what a new order begins with, for those who work for one alone."""
    branches = branches_for(user).filter(active=True).values_list("pk", flat=True)[:2]
    return {"branch": branches[0]} if len(branches) == 1 else {}


def _initial(order: Order) -> dict[str, Any]:
    return {**values_of(order), "version": order.version, "began": Content.of(order).as_data()}


def values_of(order: Order) -> dict[str, Any]:
    """Return the content of an order as its form shows it."""
    zone = order.branch.zone
    return {
        "branch": order.branch_id,
        "agent": order.agent_id,
        "plan": order.plan_id,
        "listings": list(order.listings.values_list("pk", flat=True)),
        "budget_override": order.budget_override,
        "start_at": local_text(order.start_at, zone),
        "end_at": local_text(order.end_at, zone),
    }


class DeedForm(forms.Form):
    """A move without words: only the version that the person saw."""

    version = forms.IntegerField(widget=forms.HiddenInput)


class SubmitForm(DeedForm):
    """Submitting a draft on the terms that the person saw: the page gives them back."""

    terms = forms.CharField(widget=forms.HiddenInput, required=False)


class ReasonForm(DeedForm):
    """A move that must be explained."""

    reason = forms.CharField(widget=text_area(), error_messages={"required": "Say why: it stays in the history."})


class CommandForm(DeedForm):
    """A command to Flow, which is told the reason."""

    reason = forms.CharField(
        widget=text_area(), error_messages={"required": "Give a reason: Flow is told, and it stays in the history."}
    )


class OptionalReasonForm(DeedForm):
    """A move that may be explained."""

    reason = forms.CharField(widget=text_area(), required=False)


class CommentForm(DeedForm):
    """A rejection, with words for the author."""

    comment = forms.CharField(
        widget=text_area(), error_messages={"required": "Say why, so that the author knows what to change."}
    )


class TemplateForm(DeedForm):
    """The name of a template."""

    name = forms.CharField(
        label="Name of the template",
        max_length=100,
        widget=text_input(autocomplete="off"),
        help_text="The people of the branch see it by this name.",
        error_messages={"required": "Give the template a name."},
    )


class RescueForm(DeedForm):
    """The start that the person was shown."""

    start = forms.DateTimeField(widget=forms.HiddenInput)


class SettleForm(DeedForm):
    """What became of an order in doubt, as somebody found at Flow."""

    resolution = forms.ChoiceField(
        label="What did you find?",
        widget=UnfoldAdminRadioSelectWidget(),
        choices=[
            (Resolution.LIVE.value, "It is live at Flow"),
            (Resolution.NOT_LIVE.value, "It is not live at Flow"),
            (Resolution.ABANDON.value, "Abandon it"),
        ],
        error_messages={"required": "Choose what you found at Flow."},
    )
    tracking_ids = forms.CharField(
        label="Tracking ids",
        required=False,
        strip=False,  # a space in what was pasted may be half of another word: the person is to see it
        widget=text_area(),
        help_text="Every tracking id that Flow shows for the order, one per line. Each is checked at Flow.",
    )
    evidence = forms.CharField(
        required=False,
        widget=text_area(),
        help_text="How you know, or why: kept in the history. Needed unless the order is live.",
    )

    def clean_tracking_ids(self) -> list[str]:
        """Return the lines as they were written, for the service to judge; what ends the last one begins no other."""
        text = self.cleaned_data["tracking_ids"]
        return LINE_END.split(text.rstrip("\r\n")) if text.strip() else []


def add_refusal(form: forms.Form, refusal: Refused | ValidationError) -> None:
    """Put what a service said beside the fields it is about, or on top of the form."""
    if isinstance(refusal, Refused):
        form.add_error(None, str(refusal))
    elif hasattr(refusal, "error_dict"):
        for name, errors in refusal.error_dict.items():
            words = [ValidationError(message) for error in errors for message in error.messages]
            form.add_error(name if name in form.fields else None, words)
    else:
        form.add_error(None, refusal)
