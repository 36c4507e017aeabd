"""What an order's page tells of the orders that it was made from, and that were made from it."""

from django.contrib.auth.models import User
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from campaigns import selectors
from campaigns.admin import look
from campaigns.domain.copies import CopyHow
from campaigns.models import Order
from campaigns.models.choices import label

NAMED = 10
MADE_AS = {CopyHow.DUPLICATE: "Copy of", CopyHow.RENEWAL: "Renewal of", CopyHow.REPLACEMENT: "Replaces"}


def pairs(order: Order, user: User) -> list[tuple[str, str | SafeString]]:
    """Return where the order was copied from and its copies, as far as the person may see them; nothing where none."""
    found: list[tuple[str, str | SafeString]] = []
    if order.copied_from_id:
        source = selectors.source_of(order, user)
        words = look.link(user, "order", source.pk, source) if source else "an order of another branch"
        found.append((MADE_AS[CopyHow(order.copied_how)], words))
    copies = list(selectors.copies_of(order, user)[: NAMED + 1])
    if copies:
        links = [
            (look.link(user, "order", copy.pk, copy), label(copy.copied_how).lower(), label(copy.state).lower())
            for copy in copies[:NAMED]
        ]
        more = "; and more" if len(copies) > NAMED else ""
        found.append(("Copies", format_html("{}{}", format_html_join("; ", "{} ({}, {})", links), more)))
    return found
