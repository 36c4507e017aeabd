"""Whose a line of the catalogue's history is: an id that an entry gave up may be another branch's since."""

from django.db.models import Exists, OuterRef, Q

from campaigns.models import Event
from campaigns.models.events import GIVES_AN_ID
from campaigns.selectors.indexed import one_of


def of_the_present_holder() -> Q:
    """Return what the lines about the entry that has the id now have in common: no later line gives the id to an entry.

    An entry gets an id when it is created, by a person or by an import, and when it is renamed. Of an entry that is older
    than the history and kept its id, these are all lines; one that is renamed and gets its old id back leaves the lines before.
    """
    later = Event.objects.filter(one_of("kind", GIVES_AN_ID), subject=OuterRef("subject"), pk__gt=OuterRef("pk"))
    return ~Q(Exists(later.order_by()))
