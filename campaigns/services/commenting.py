"""Comment on orders. A comment is a line of history: nobody edits or deletes it."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from campaigns import selectors
from campaigns.domain.texts import clean
from campaigns.models import Event, Order
from campaigns.services.errors import Refused
from campaigns.services.history import record, require, require_branch

LONGEST = 2000
SAID_JUST_NOW = timedelta(seconds=30)
# A name as Django allows it, not within an e-mail address; what ends a sentence may end a name as well.
MENTION = re.compile(r"(?<![\w.@+-])@([\w.@+-]+)")
ENDS_A_SENTENCE = ".-+@"


@dataclass(frozen=True)
class CommentResult:
    """The comment, who is told of it besides its author, and the names in it of those who are not."""

    event: Event
    told: list[str] = field(default_factory=list)
    not_told: list[str] = field(default_factory=list)


def comment(order_id: int, text: str, *, user: User, now: datetime) -> CommentResult:
    """Write a comment on an order, in whatever state it is; people whom it mentions and who may see the order get an alert.

    Raises NotAllowed, ValidationError for an empty or too long text, and Refused where the person said the same just now.
    """
    require(user, "comment_order", "comment on orders")
    words = _checked(text)
    with transaction.atomic():
        order = Order.objects.select_for_update(no_key=True).get(pk=order_id)
        require_branch(user, order.branch)
        if _said_just_now(order, words, user, now):
            raise Refused(
                "You said exactly this a moment ago, and it is in the history. It was not written a second time."
            )
        told, not_told = _mentioned(words, order)
        names = [person.get_username() for person in told]
        data = {"text": words, "mentions": names, "mentioned": [person.pk for person in told]}
        line = f"{user.get_username()} commented: {words}"
        event = record("order.commented", line, now=now, by=user, order=order, data=data)
    # Nobody is told of what they did themselves.
    return CommentResult(event, [name for name in names if name != user.get_username()], not_told)


def _checked(text: str) -> str:
    words = clean(text)
    if not words:
        raise ValidationError({"text": "Write something: an empty comment tells nobody anything."})
    if len(words) > LONGEST:
        raise ValidationError(
            {
                "text": f"A comment has at most {LONGEST:,} characters; this one has {len(words):,}. Shorten it or split it."
            }
        )
    return words


def _said_just_now(order: Order, words: str, user: User, now: datetime) -> bool:
    lines = Event.objects.filter(order=order, kind="order.commented", actor=user, at__gt=now - SAID_JUST_NOW)
    return any(line.data["text"] == words for line in lines)


def _mentioned(words: str, order: Order) -> tuple[list[User], list[str]]:
    """Return the people whom the text mentions and who may see the order; and the other names, as they were written."""
    written = list(dict.fromkeys(MENTION.findall(words)))
    names = {name: (name, name.rstrip(ENDS_A_SENTENCE)) for name in written}
    wanted = {each for pair in names.values() for each in pair}
    people = {
        person.get_username(): person
        for person in selectors.people_who_may("view_order", order.branch_id).filter(username__in=wanted)
    }
    found = {name: next((people[each] for each in pair if each in people), None) for name, pair in names.items()}
    told = list(dict.fromkeys(person for person in found.values() if person))
    return told, list(dict.fromkeys(names[name][1] for name, person in found.items() if not person and names[name][1]))
