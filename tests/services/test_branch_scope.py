"""Nobody writes anything of a branch that they do not work for, whichever service they call."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User

from campaigns import selectors
from campaigns.domain.states import Action, Resolution
from campaigns.models import Agent, Branch, Command, Listing, Order
from campaigns.services import catalogue, commands, dry_runs, orders, people, settling
from campaigns.services.errors import NotAllowed
from campaigns.services.publishing import REMEDY
from tests.factories import make_agent, make_branch, make_listing, make_user, may
from tests.flow.nasty_server import says
from tests.services.building import NOW, awaiting, content, draft, everything, kinds, publish, queued, reload
from tests.services.flow_server import Flow
from tests.services.following import publish_campaign

pytestmark = pytest.mark.django_db
URL = "https://portal.example/1"
RIGHTS = (
    *("view_order", "add_order", "change_order", "submit_order", "approve_order", "settle_order", "settle_alone"),
    *("view_campaign", "command_campaign", "add_listing", "change_listing", "delete_listing"),
)


@pytest.fixture
def stranger() -> User:
    """Somebody who may do everything, for another branch."""
    return make_user("tess", *RIGHTS, branches=[make_branch(name="Elsewhere")])


def refusal(deed: Callable[[], object]) -> str:
    """Do what is not allowed; return why, after a look whether nothing was written."""
    before = everything()
    with pytest.raises(NotAllowed) as caught:
        deed()
    assert everything() == before
    return str(caught.value)


def not_theirs(branch: Branch) -> str:
    return f"tess does not work for branch {branch}. Ask an administrator to add them to it."


MOVES: list[Callable[[Order, User], object]] = [
    lambda order, user: orders.edit_order(order.pk, order.version, content(branch=order.branch), user=user, now=NOW),
    lambda order, user: orders.submit(order.pk, order.version, user=user, now=NOW),
    lambda order, user: orders.cancel(order.pk, order.version, reason="Sold.", user=user, now=NOW),
    lambda order, user: dry_runs.dry_run(order.pk, user=user, now=NOW),
]


@pytest.mark.parametrize("move", MOVES, ids=["edit", "submit", "cancel", "dry run"])
def test_a_draft_of_another_branch_is_not_moved(
    author: User, stranger: User, flow: Flow, move: Callable[[Order, User], object]
) -> None:
    order = draft(author)
    assert refusal(lambda: move(order, stranger)) == not_theirs(order.branch)
    assert flow.publishes == []


def test_an_order_is_not_moved_to_or_made_for_another_branch(author: User, stranger: User) -> None:
    own = Branch.objects.get(name="Elsewhere")
    order, theirs = draft(stranger, branch=own), content()
    assert refusal(lambda: orders.create_order(theirs, user=stranger, now=NOW)) == not_theirs(theirs.branch)
    edit = lambda: orders.edit_order(order.pk, order.version, theirs, user=stranger, now=NOW)  # noqa: E731
    assert refusal(edit) == not_theirs(theirs.branch)


@pytest.mark.parametrize("deed", [orders.approve, orders.reject, orders.return_to_draft])
def test_a_submitted_order_of_another_branch_is_neither_approved_nor_taken_back(
    author: User, stranger: User, deed: Callable[..., Any]
) -> None:
    order = awaiting(author)
    words = {"comment": "No."} if deed is orders.reject else {}
    assert refusal(lambda: deed(order.pk, order.version, user=stranger, now=NOW, **words)) == not_theirs(order.branch)
    assert reload(order).state == "awaiting_approval"


def test_a_doubt_of_another_branch_is_not_settled(author: User, stranger: User, flow: Flow) -> None:
    order = queued(author)
    flow.on_publish(says(500))
    publish(order)
    abandon = lambda: settling.settle(order.pk, Resolution.ABANDON, evidence="x", user=stranger, now=NOW)  # noqa: E731
    assert refusal(abandon) == not_theirs(order.branch)
    assert reload(order).state == "unknown"


def test_the_word_of_somebody_who_has_left_the_branch_counts_no_more(author: User, stranger: User, flow: Flow) -> None:
    order = queued(author)
    flow.on_publish(says(500))
    publish(order)
    order.branch.staff.add(stranger)
    stranger.user_permissions.remove(*stranger.user_permissions.filter(codename="settle_alone"))
    stranger = User.objects.get(pk=stranger.pk)
    settling.settle(order.pk, Resolution.ABANDON, evidence="x", user=stranger, now=NOW)
    order.branch.staff.remove(stranger)
    second = make_user("tom", "settle_order")

    result = settling.settle(order.pk, Resolution.ABANDON, evidence="y", user=second, now=NOW)

    assert not result.settled
    assert reload(order).state == "unknown"


@pytest.mark.parametrize("action", Action)
def test_a_campaign_of_another_branch_is_not_commanded(
    author: User, stranger: User, flow: Flow, action: Action
) -> None:
    campaign = publish_campaign(flow, author)
    ask = lambda: commands.ask(campaign.pk, action, reason="Sold.", user=stranger, now=NOW)  # noqa: E731
    assert refusal(ask) == not_theirs(campaign.branch)
    assert not Command.objects.exists()


def test_an_order_is_not_sent_when_its_approver_has_left_the_branch(author: User, flow: Flow) -> None:
    order = awaiting(author)
    approver = make_user("ben", "approve_order", branches=[order.branch])
    orders.approve(order.pk, order.version, user=approver, now=NOW)
    order.branch.staff.remove(approver)

    assert publish(order).outcome == "rejected"

    assert flow.publishes == []
    assert reload(order).problem == f"ben approved the order, but may not do so any more. {REMEDY}"
    assert kinds(order)[-1] == "order.rejected"


def test_an_order_is_sent_while_its_approver_works_for_the_branch_and_for_no_other(author: User, flow: Flow) -> None:
    order = awaiting(author)
    approver = make_user("ben", "approve_order", branches=[order.branch])
    orders.approve(order.pk, order.version, user=approver, now=NOW)

    assert publish(order).outcome == "published"


def test_a_listing_is_neither_changed_nor_moved_nor_deleted_across_branches(stranger: User) -> None:
    own, theirs = Branch.objects.get(name="Elsewhere"), make_branch()
    listing, mine = make_listing(theirs), make_listing(own)
    agent = make_agent(theirs)
    listing.title = "Changed"
    assert refusal(lambda: catalogue.save(listing, user=stranger, now=NOW)) == not_theirs(theirs)
    listing.branch = own  # taken over
    assert refusal(lambda: catalogue.save(listing, user=stranger, now=NOW)) == not_theirs(theirs)
    mine.branch, mine.agent = theirs, agent  # given away
    assert refusal(lambda: catalogue.save(mine, user=stranger, now=NOW)) == not_theirs(theirs)
    assert refusal(lambda: catalogue.delete(Listing.objects.get(pk=listing.pk), user=stranger, now=NOW)) == not_theirs(
        theirs
    )
    assert set(Listing.objects.values_list("title", "branch__name")) == {
        (mine.title, own.name),
        (f"Listing {listing.external_id.removeprefix('listing-')}", theirs.name),
    }


def test_people_who_may_are_those_of_the_branch_and_those_of_every_branch() -> None:
    branch = make_branch()
    make_user("here", "approve_order", branches=[branch])
    make_user("elsewhere", "approve_order", branches=[make_branch()])
    make_user("everywhere", "approve_order")
    make_user("boss", is_superuser=True, branches=[])
    make_user("without", branches=[branch])
    make_user("gone", "approve_order", branches=[branch], is_active=False)

    found = selectors.people_who_may("approve_order", branch.pk)

    assert [user.username for user in found] == ["boss", "everywhere", "here"]


def test_an_administrator_lets_somebody_work_for_branches_and_the_history_tells() -> None:
    first, second, third = (make_branch(external_id=f"B{number}") for number in (1, 2, 3))
    person, boss = make_user("naledi", branches=[first, second]), make_user("boss", is_superuser=True)

    people.set_branches(person, [second, third], user=boss, now=NOW)

    assert list(selectors.branches_for(person).order_by("pk")) == [second, third]
    event = selectors.events_for(boss).get(kind="user.branches")
    assert event.subject == "user:naledi"
    assert event.text == "boss let naledi work for B2, B3."
    assert event.data == {"branches": [["B1", "B2"], ["B2", "B3"]]}


GAVE_UP = {"title": "Palace", "price": "31000000.00", "address": "1 Secret Road"}


def boss() -> User:
    return User.objects.create_superuser("boss", password="x")


def told_of(user: User, *subjects: str) -> list[tuple[str, str]]:
    """Return kind and subject of the lines that the user sees of them, the oldest first."""
    lines = selectors.events_for(User.objects.get(pk=user.pk)).filter(subject__in=subjects)
    return list(lines.order_by("pk").values_list("kind", "subject"))


def manager(branch: Branch) -> User:
    rights = [f"{deed}_{noun}" for deed in ("add", "change", "delete") for noun in ("agent", "listing")]
    return make_user("tess", "view_event", *rights, branches=[branch])


def new_listing(branch: Branch, external_id: str, **fields: Any) -> Listing:
    return Listing(branch=branch, external_id=external_id, **{"title": "x", "price": "1.00", "url": URL} | fields)


def new_agent(branch: Branch, external_id: str) -> Agent:
    return Agent(branch=branch, external_id=external_id, name="Ann", email="ann@agency.example")


@pytest.fixture
def given_up(db: None) -> None:
    """The ids L-77 and AG-7, which a listing of another branch had until it was renamed, and an agent until they went."""
    theirs, user = make_branch(name="Theirs"), boss()
    listing = new_listing(theirs, "L-77", **GAVE_UP)
    agent = new_agent(theirs, "AG-7")
    for entry in (listing, agent):
        catalogue.save(entry, user=user, now=NOW)
    listing.title = "Palace, sold"
    catalogue.save(listing, user=user, now=NOW)
    listing.external_id = "L-78"
    catalogue.save(listing, user=user, now=NOW)
    catalogue.delete(agent, user=user, now=NOW)


def add(tess: User, branch: Branch) -> None:
    for entry in (new_listing(branch, "L-77"), new_agent(branch, "AG-7")):
        catalogue.save(entry, user=tess, now=NOW)


def rename(tess: User, branch: Branch) -> None:
    for entry in (new_listing(branch, "L-1"), new_agent(branch, "AG-1")):
        catalogue.save(entry, user=tess, now=NOW)
        entry.external_id = {"L-1": "L-77", "AG-1": "AG-7"}[entry.external_id]
        catalogue.save(entry, user=tess, now=NOW)


def import_files(tess: User, branch: Branch) -> None:
    listings = f"external_id,branch,agent,title,price,url\nL-77,{branch.external_id},,x,1.00,{URL}\n"
    agents = f"external_id,branch,name,email\nAG-7,{branch.external_id},Ann,ann@agency.example\n"
    for kind, text in ((catalogue.Kind.LISTINGS, listings), (catalogue.Kind.AGENTS, agents)):
        assert not catalogue.import_catalogue(kind, BytesIO(text.encode()), f"{kind}.csv", user=tess, now=NOW).errors


@pytest.mark.usefixtures("given_up")
@pytest.mark.parametrize(
    ("take", "kind"),
    [(add, "created"), (rename, "renamed"), (import_files, "created")],
    ids=["add", "rename", "import"],
)
def test_an_id_that_another_branch_gave_up_tells_nothing_of_what_had_it(
    take: Callable[[User, Branch], None], kind: str
) -> None:
    mine = make_branch(name="Mine")
    tess = manager(mine)
    take(tess, mine)
    listing = Listing.objects.get(external_id="L-77")
    listing.title = "y"
    catalogue.save(listing, user=tess, now=NOW)

    assert told_of(tess, "listing:L-77", "agent:AG-7") == [
        (f"listing.{kind}", "listing:L-77"),
        (f"agent.{kind}", "agent:AG-7"),
        ("listing.changed", "listing:L-77"),
    ]
    changes = [event.text for event in selectors.changes_of("listing:L-77", "listing")]
    assert changes[0] == "tess changed title of listing y (L-77)."
    assert [text for text in changes if "boss" in text] == []
    assert len(told_of(User.objects.get(username="boss"), "listing:L-77", "agent:AG-7")) == 7


def test_a_renamed_listing_keeps_the_lines_of_its_id_and_one_older_than_the_history_all() -> None:
    mine = make_branch(name="Mine")
    tess, old = manager(mine), make_listing(mine, external_id="L-1")  # without a line of its own
    for field, value in (("title", "y"), ("external_id", "L-2"), ("title", "z")):
        setattr(old, field, value)
        catalogue.save(old, user=tess, now=NOW)
    quiet = make_listing(mine, external_id="L-3")
    for title in ("y", "z"):
        quiet.title = title
        catalogue.save(quiet, user=tess, now=NOW)

    assert told_of(tess, "listing:L-2", "listing:L-3") == [
        ("listing.renamed", "listing:L-2"),
        ("listing.changed", "listing:L-2"),
        ("listing.changed", "listing:L-3"),
        ("listing.changed", "listing:L-3"),
    ]


def test_branches_that_stay_as_they_are_write_nothing() -> None:
    branch = make_branch()
    person, boss = make_user("naledi", branches=[branch]), make_user("boss", is_superuser=True)
    people.set_branches(person, [branch], user=boss, now=NOW)
    assert not selectors.events_for(boss).filter(kind="user.branches").exists()


def test_nobody_gives_away_a_branch_that_is_not_theirs() -> None:
    own, theirs = make_branch(name="Own"), make_branch(name="Theirs")
    person = make_user("naledi", branches=[])
    manager = make_user("tess", branches=[own])
    with pytest.raises(NotAllowed, match=r"tess may not change the branches of naledi\. Ask an administrator\."):
        people.set_branches(person, [own], user=manager, now=NOW)
    boss = make_user("boss", is_superuser=True)
    may(manager, "view_order")
    manager.user_permissions.add(Permission.objects.get(codename="change_user"))
    manager = User.objects.get(pk=manager.pk)
    with pytest.raises(NotAllowed, match=r"tess does not work for branch Theirs"):
        people.set_branches(person, [theirs], user=manager, now=NOW)
    with pytest.raises(NotAllowed, match="tess may not change the branches of boss"):
        people.set_branches(boss, [own], user=manager, now=NOW)
    assert not Branch.objects.filter(staff__isnull=False).exclude(staff=manager).exists()
