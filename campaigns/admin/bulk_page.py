"""The page that tells what a batch will do, row by row, before anybody starts it."""

import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.html import format_html
from django.utils.safestring import SafeString

from campaigns.admin import look
from campaigns.admin.bulk_warnings import Warnings, warnings
from campaigns.admin.fields import text_area
from campaigns.admin.ids import row_id
from campaigns.domain.money import format_money
from campaigns.domain.texts import clean
from campaigns.models import Batch, Campaign, Order
from campaigns.services import batches
from campaigns.services.batch_deeds import BatchDeed
from campaigns.services.batches import Foreseen, Seen

SHOWN = 100
AGAIN_OF = "again_of"


class BatchForm(forms.Form):
    """What starts a batch: the rows as they were shown, and the reason. Its token makes one batch of two clicks."""

    deed = forms.CharField(widget=forms.HiddenInput)
    of = forms.CharField(widget=forms.HiddenInput, required=False)
    again_of = forms.IntegerField(widget=forms.HiddenInput, required=False)
    token = forms.RegexField(r"^[0-9a-f]{32}$", widget=forms.HiddenInput)
    rows = forms.CharField(widget=forms.HiddenInput)
    reason = forms.CharField(
        widget=text_area(),
        error_messages={"required": "Say why: it stays in the history, and Flow is told where it is asked."},
    )

    def __init__(self, deed: BatchDeed[Any], data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        if not deed.needs_reason:
            del self.fields["reason"]

    @classmethod
    def of_page(
        cls, deed: BatchDeed[Any], foreseen: Iterable[Foreseen], of: str, reason: str, again_of: Batch | None
    ) -> "BatchForm":
        """Return the form for rows that were just foreseen, the query of their list, and a reason to begin with."""
        first = {
            "deed": deed.name,
            "of": of,
            AGAIN_OF: again_of.pk if again_of else "",
            "token": uuid.uuid4().hex,
            "rows": " ".join(_as_text(each) for each in foreseen),
            "reason": clean(reason),
        }
        return cls(deed, initial=first)

    def seen(self) -> dict[int, Seen]:
        """Return the rows as the page showed them; none where what was sent can't be read."""
        try:
            return dict(_from_text(text) for text in str(self.data.get("rows", "")).split())
        except (ValueError, InvalidOperation):
            return {}


def _as_text(each: Foreseen) -> str:
    seen = each.seen
    return f"{each.subject.pk}:{seen.version}:{seen.amount}:{seen.currency}:{int(not each.why)}"


def _from_text(text: str) -> tuple[int, Seen]:
    pk, version, amount, currency, to_do = text.split(":")
    number, seen_version = row_id(pk), row_id(version)
    if number is None or seen_version is None:
        raise ValueError(text)
    return number, Seen(seen_version, Decimal(amount), currency, to_do == "1")


def context(opts: Any, deed: BatchDeed[Any], foreseen: list[Foreseen], user: User, now: datetime) -> dict[str, Any]:
    """Return what the page tells: the counts, the money, why rows are skipped, and the first rows one by one."""
    done = sum(not each.why for each in foreseen)
    money = [format_money(amount, currency) for currency, amount in batches.money(foreseen)]
    doing = f"{deed.label} {counted(done, opts)}"
    look_twice = Warnings([], {})
    if deed.spends:
        doing = ", ".join([doing, *money])
        look_twice = warnings([each.order for each in foreseen if not each.why], user, now)
    return {
        "title": f"{deed.label} {counted(len(foreseen), opts)}",
        "deed": deed,
        "count": len(foreseen),
        "done": done,
        "doing": doing,
        "warnings": look_twice.of_all,
        "skipped": len(foreseen) - done,
        "outcomes": _grouped(each.words for each in foreseen if not each.why),
        "reasons": _grouped(each.why for each in foreseen if each.why),
        "money": money,
        "table": _table(foreseen[:SHOWN], user, look_twice),
        "rest": max(0, len(foreseen) - SHOWN),
        "rest_outcomes": _grouped(each.words for each in foreseen[SHOWN:] if not each.why),
        "rest_reasons": _grouped(each.why for each in foreseen[SHOWN:] if each.why),
    }


def counted(count: int, opts: Any) -> str:
    """Return a number of rows in words, such as `312 orders`."""
    return f"{count:,} {opts.verbose_name if count == 1 else opts.verbose_name_plural}"


def _grouped(words: Iterable[str]) -> list[tuple[str, str]]:
    return [(text, f"{count:,}") for text, count in Counter(words).most_common()]


def _table(foreseen: list[Foreseen], user: User, look_twice: Warnings) -> dict[str, list[Any]]:
    rows = [
        [
            row_link(each.subject, user),
            each.subject.branch.name,
            row_badge(each.subject),
            format_money(each.seen.amount, each.seen.currency),
            _will(each, look_twice.of_each.get(each.order.pk, [])),
        ]
        for each in foreseen
    ]
    return {"headers": ["Row", "Branch", "Now", "Amount", "What will happen"], "rows": rows}


def _will(each: Foreseen, look_twice: list[str]) -> SafeString:
    if each.why:
        return format_html("{} {}", look.badge("skipped", look.BATCH_ROWS), look.short(each.words, 200))
    if look_twice:
        return format_html("{}. {}Look twice: {}.", each.words, look.icon("warning"), "; ".join(look_twice))
    return format_html("{}", each.words)


def row_link(subject: Order | Campaign, user: User) -> SafeString | str:
    """Return a link to the page of an order or a campaign."""
    return look.link(user, str(subject._meta.model_name), subject.pk, subject)


def row_state(subject: Order | Campaign) -> str:
    """Return an order's state or a campaign's phase."""
    return subject.state if isinstance(subject, Order) else subject.phase


def row_badge(subject: Order | Campaign) -> SafeString:
    """Return where an order or a campaign stands."""
    return look.badge(row_state(subject), look.STATES if isinstance(subject, Order) else look.PHASES)
