"""The form of a comment on an order, and the page that it is sent to."""

from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from campaigns.admin.base import ModelAdmin, person
from campaigns.admin.fields import text_area
from campaigns.admin.forms import add_refusal
from campaigns.models import Order
from campaigns.services.commenting import LONGEST, CommentResult, comment
from campaigns.services.errors import NotAllowed, Refused

NAMED = 5
IN_TIMELINE = "timeline"
"""Marks what the timeline says of a comment, where the person is led, instead of the top of the page."""


class CommentForm(forms.Form):
    """A comment. What makes a good one is the service's to say."""

    text = forms.CharField(
        label="Comment",
        required=False,
        strip=False,
        widget=text_area(),
        help_text=f"At most {LONGEST:,} characters; it can't be edited or deleted. Write @ and a user name to tell somebody.",
    )


def urls(rooms: ModelAdmin[Order]) -> list[URLPattern]:
    """Return the address that comments are sent to."""

    @require_POST
    def view(request: HttpRequest, pk: int) -> HttpResponse:
        order = get_object_or_404(rooms.get_queryset(request), pk=pk)
        if not request.user.has_perm("campaigns.comment_order"):
            raise PermissionDenied
        form = CommentForm(request.POST)
        try:
            form.full_clean()
            result = comment(order.pk, form.cleaned_data.get("text", ""), user=person(request), now=timezone.now())
        except (Refused, ValidationError) as refusal:
            add_refusal(form, refusal)
            return _ask_again(rooms, request, order, form, refusal)
        messages.success(request, _said(result), extra_tags=IN_TIMELINE)
        if result.not_told:
            messages.warning(request, _not_told(result.not_told), extra_tags=IN_TIMELINE)
        return redirect(f"{_page(order)}#timeline")

    return [path("<int:pk>/comment/", rooms.admin_site.admin_view(view), name="campaigns_order_comment")]


def _ask_again(
    rooms: ModelAdmin[Order], request: HttpRequest, order: Order, form: CommentForm, refusal: Refused | ValidationError
) -> HttpResponse:
    context = {
        **rooms.admin_site.each_context(request),
        "opts": rooms.opts,
        "original": order,
        "title": f"Comment · {order}",
        "form": form,
        "page": _page(order),
    }
    status = HTTPStatus.CONFLICT if isinstance(refusal, Refused) else HTTPStatus.OK
    status = HTTPStatus.FORBIDDEN if isinstance(refusal, NotAllowed) else status
    return TemplateResponse(request, "admin/campaigns/comment.html", context, status=status)


def _said(result: CommentResult) -> str:
    told = f" Told: {', '.join(result.told)}." if result.told else ""
    return f"Your comment is in the history.{told}"


def _not_told(names: list[str]) -> str:
    shown = ", ".join(f"@{name}" for name in names[:NAMED])
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    verb = "can't see this order and is not told" if len(names) == 1 else "can't see this order and are not told"
    return f"{shown}{more} {verb}."


def _page(order: Order) -> str:
    return reverse("admin:campaigns_order_change", args=[order.pk])
