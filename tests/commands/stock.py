"""What the shop holds before a command runs in a shell: run once, by `manage.py shell`, on a database of its own."""

from django.test.utils import override_settings

from campaigns.models import Plan
from tests.commands.inside import queue
from tests.factories import make_agent, make_branch, make_listing, make_plan, make_user

ORDERS = ("Q1", "Q2", "Q3")


@override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])  # quick
def fill() -> None:
    """Write two branches, a plan, people, and three orders that wait; the plan of the third was closed since."""
    here, there = make_branch(external_id="B1"), make_branch(external_id="B2", time_zone="Europe/London")
    make_agent(here, external_id="A1")
    listings = [make_listing(here, external_id=f"L{number}") for number in (1, 2, 3)]
    make_listing(there, external_id="L9")
    plan, closed = make_plan(ref="P1"), make_plan(ref="P2")
    for order_ref, listing, chosen in zip(ORDERS, listings, (plan, plan, closed), strict=True):
        queue(order_ref, branch=here, listings=(listing,), plan=chosen)
    Plan.objects.filter(pk=closed.pk).update(active=False)
    make_user("anna", "add_order", "submit_order")
    make_user("carl", "command_campaign")
    make_user("ben", "settle_order")
    make_user("cora", "settle_order")
