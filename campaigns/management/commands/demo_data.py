"""`demo_data`: a believable catalogue, users and orders, to train and to try things out."""

from collections import Counter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from campaigns.management.base import ConsoleCommand, Report
from campaigns.management.demo_orders import FIRST_REF, make_orders
from campaigns.management.demo_people import PASSWORD, PEOPLE, make_people
from campaigns.models import Order
from campaigns.models.choices import label
from campaigns.services.catalogue import TABLES, Kind, import_catalogue

FILES = Path(__file__).resolve().parents[2] / "demo"


class Command(ConsoleCommand):
    """Load the demo once; a second run changes nothing."""

    help = "Load a believable catalogue, users and orders, once. Refused wherever real money could be spent."

    def run(self, **_: Any) -> Report:
        """Load all of it into an empty console, or nothing."""
        _refuse_near_real_money()
        made: dict[str, Any] = {"users": [], "catalogue": {}, "orders": {}}
        if Order.objects.filter(order_ref=FIRST_REF).exists():
            self.say("The demo data is there already: nothing was changed.")
        elif any(table.model.objects.exists() for table in TABLES.values()):
            self.say("This console has a catalogue of its own, so no demo data was loaded: nothing was changed.")
            return Report(made)
        else:
            with transaction.atomic():
                made = self._load()
        self._tell_logins()
        return Report(made)

    def _load(self) -> dict[str, Any]:
        now = timezone.now()
        catalogue = {kind.value: _import(kind) for kind in Kind}
        users = make_people()
        states = Counter(order.state for order in make_orders(now))
        self.say("Loaded: " + ", ".join(f"{count} {kind}" for kind, count in catalogue.items()))
        self.say("Orders: " + ", ".join(f"{count} {label(state).lower()}" for state, count in states.items()))
        return {"users": users, "catalogue": catalogue, "orders": dict(states)}

    def _tell_logins(self) -> None:
        self.say(f"Log in at /admin/; the password of each is “{PASSWORD}”, unless it has been changed:")
        for person in PEOPLE:
            self.say(f"  {person.username:<7} may {person.may}")


def _refuse_near_real_money() -> None:
    if not settings.DEBUG:
        raise CommandError(
            "DEBUG is off, so others may reach this console, and everybody knows the demo's passwords. Nothing was loaded."
        )
    if not settings.FLOW_IS_LOCAL:
        raise CommandError(
            "FLOW_BASE_URL is not on this machine: the demo's orders would spend real money. Nothing was loaded. "
            "Remove FLOW_BASE_URL from the settings to use the sandbox."
        )


def _import(kind: Kind) -> int:
    path = FILES / f"{kind.value}.csv"
    with path.open("rb") as file:
        result = import_catalogue(kind, file, path.name, user=None, now=timezone.now())
    if result.errors:
        raise CommandError(f"{path.name}: {result.errors[0].message} Nothing was loaded.")
    return result.created + result.changed + result.unchanged
