"""The calendar shows the campaigns of a person's branches as bars and in words, and marks what overlaps."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns.models import Branch, Campaign, Listing
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db

PAGE = "/admin/campaigns/campaign/calendar/"
NOW = datetime(2030, 3, 6, 10, tzinfo=UTC)  # a Wednesday
MONDAY = datetime(2030, 3, 4, tzinfo=ZoneInfo("Africa/Johannesburg"))
RIGHTS = ("view_campaign", "view_order")


@pytest.fixture(autouse=True)
def _today() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def client() -> Client:
    return building.client_of(factories.make_user("reader", *RIGHTS))


def campaign(
    name: str, first: int | None, after: int | None, listing: Listing | None = None, **fields: Any
) -> Campaign:
    """Make a campaign that runs from one day to before another one, counted from Monday."""
    listing = listing or factories.make_listing()
    building.published(name, branch=listing.branch, listings=(listing,), agent=None)
    days = {"starts_at": first, "ends_at": after}
    moments = {word: None if day is None else MONDAY + timedelta(days=day) for word, day in days.items()}
    Campaign.objects.filter(tracking_id=name).update(**moments, **fields)
    return Campaign.objects.get(tracking_id=name)


def names(client: Client, query: str = "") -> list[str]:
    """Return the tracking ids of the list, as it is read."""
    rows = client.get(PAGE + query).context["table"]["rows"]
    return [re.sub("<[^>]*>", "", str(row[2])).split(" ")[1] for row in rows]


def words(client: Client, query: str = "") -> dict[str, list[str]]:
    """Return the cells of each line of the list, without their markup, by the tracking id behind the order ref."""
    rows = client.get(PAGE + query).context["table"]["rows"]
    texts = [[re.sub("<[^>]*>", "", str(cell)).replace("\u200b", "") for cell in row] for row in rows]
    return {row[2].split(" ")[1]: row for row in texts}


def ref(name: str) -> str:
    return Campaign.objects.get(tracking_id=name).order.order_ref


def bars(client: Client, query: str = "") -> dict[str, Any]:
    groups = client.get(PAGE + query).context["groups"]
    return {bar.name: bar for group in groups for bar in group.bars}


def test_shows_the_campaigns_of_six_weeks_from_this_monday_on(client: Client) -> None:
    campaign("queue_before", -20, 0)
    campaign("queue_over_the_edge", -20, 1)
    campaign("queue_within", 7, 14)
    campaign("queue_at_the_end", 41, 80)
    campaign("queue_after", 42, 60)
    assert sorted(names(client)) == ["queue_at_the_end", "queue_over_the_edge", "queue_within"]
    context = client.get(PAGE).context
    assert (context["first_day"], context["last_day"]) == ("4 Mar 2030", "14 Apr 2030")
    assert context["today"] == f"{100 * (NOW - MONDAY) / timedelta(days=42):.3f}%"


@pytest.mark.parametrize(
    ("at", "anchor"),
    [
        (timedelta(), "start"),
        (timedelta(days=2), "start"),
        (timedelta(days=3), "middle"),
        (timedelta(days=39), "middle"),
        (timedelta(days=41), "end"),
    ],
)
def test_the_word_for_today_is_not_cut_off_at_an_edge(at: timedelta, anchor: str) -> None:
    campaign("queue_1", 0, 42)
    with time_machine.travel(MONDAY + at, tick=False):
        client = building.client_of(factories.make_user("reader", *RIGHTS))
        html = client.get(f"{PAGE}?from={MONDAY:%Y-%m-%d}").content.decode()
    assert f'text-anchor="{anchor}" class="calendar-today-word">today<' in html


def test_the_heading_says_what_the_page_is(client: Client) -> None:
    html = client.get(PAGE).content.decode()
    assert 'Calendar <span class="calendar-days">4 Mar 2030 to 14 Apr 2030</span>' in html


def test_a_bar_lies_where_its_campaign_runs(client: Client) -> None:
    campaign("queue_within", 7, 28)
    campaign("queue_all", -1, None)
    found = bars(client, "?weeks=4")
    assert (found["queue_within"].stretch.x, found["queue_within"].stretch.width) == ("25.000%", "75.000%")
    assert (found["queue_all"].stretch.x, found["queue_all"].stretch.width) == ("0.000%", "100.000%")


def test_leads_to_earlier_and_later_weeks_and_back(client: Client) -> None:
    campaign("queue_later", 43, 50)
    first = client.get(PAGE + "?weeks=4").context
    later = client.get(PAGE + first["later"]).context
    assert (first["this_week"], later["first_day"]) == ("", "1 Apr 2030")
    assert later["today"] == ""
    assert client.get(PAGE + later["earlier"]).context["first_day"] == first["first_day"] == "4 Mar 2030"
    assert client.get(PAGE + later["this_week"]).context["first_day"] == "4 Mar 2030"
    assert names(client) == []
    assert names(client, later["later"].replace("29", "15")) == ["queue_later"]


@pytest.mark.parametrize(
    "query", ["?from=x", "?from=", "?weeks=5", "?weeks=-1", "?by=x", "?page=x", "?page=99999999999999999999"]
)
def test_nonsense_is_what_nobody_asked_for(client: Client, query: str) -> None:
    campaign("queue_1", 1, 2)
    assert names(client, query) == ["queue_1"]
    assert client.get(PAGE + query).context["first_day"] == "4 Mar 2030"


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2999-12-31"])
def test_the_ends_of_time_are_no_weeks_of_campaigns(client: Client, day: str) -> None:
    page = client.get(f"{PAGE}?from={day}")
    assert "No campaign runs in these weeks" in page.content.decode()
    for way in ("earlier", "later"):
        assert client.get(PAGE + page.context[way]).status_code == 200


def test_campaigns_are_grouped_by_branch_or_by_listing(client: Client) -> None:
    north, south = (factories.make_branch(name=name) for name in ("North", "South"))
    flat, house = factories.make_listing(south, title="A flat"), factories.make_listing(north, title="B house")
    campaign("queue_1", 1, 2, flat)
    campaign("queue_2", 2, 3, house)
    campaign("queue_3", 3, 4, flat)
    by_branch = client.get(PAGE).context["groups"]
    assert [(group.name, [bar.name for bar in group.bars]) for group in by_branch] == [
        ("North", ["queue_2"]),
        ("South", ["queue_1", "queue_3"]),
    ]
    by_listing = client.get(PAGE + "?by=listing").context["groups"]
    assert [(group.name, [bar.name for bar in group.bars]) for group in by_listing] == [
        (flat.title, ["queue_1", "queue_3"]),
        (house.title, ["queue_2"]),
    ]


def test_a_campaign_of_several_listings_stands_at_each_of_them(client: Client) -> None:
    branch = factories.make_branch()
    listings = tuple(factories.make_listing(branch, title=title) for title in ("A", "B", "C", "D", "E"))
    order = building.published("queue_1", branch=branch, listings=listings, agent=None)
    assert order.start_at is not None
    assert names(client, "?by=listing") == ["queue_1"] * 5
    (row,) = words(client).values()
    assert row[0] == "A, B, C and 2 more"


def test_campaigns_for_one_listing_at_the_same_time_are_marked_in_words_and_in_the_bars(client: Client) -> None:
    listing = factories.make_listing(title="Flat")
    campaign("queue_1", 0, 14, listing)
    campaign("queue_2", 7, 21, listing)
    campaign("queue_3", 21, 28, listing)
    campaign("queue_alone", 7, 21)
    told = {name: row[6] for name, row in words(client).items()}
    assert told == {
        "queue_1": f"warningOverlaps with {ref('queue_2')} (Flat)",
        "queue_2": f"warningOverlaps with {ref('queue_1')} (Flat)",
        "queue_3": "none",
        "queue_alone": "none",
    }
    drawn = {name: [(each.x, each.width) for each in bar.overlaps] for name, bar in bars(client, "?weeks=4").items()}
    assert drawn == {
        "queue_1": [("25.000%", "25.000%")],
        "queue_2": [("25.000%", "25.000%")],
        "queue_3": [],
        "queue_alone": [],
    }


def test_an_overlap_is_told_though_the_other_campaign_is_on_another_page(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.admin.calendar.PER_PAGE", 1)
    listing = factories.make_listing(title="Flat")
    campaign("queue_1", 0, 14, listing)
    campaign("queue_2", 7, 21, listing)
    page = client.get(PAGE + "?page=2")
    assert words(client, "?page=2")["queue_2"][6] == f"warningOverlaps with {ref('queue_1')} (Flat)"
    assert "Shown are 2 to 2 of 2" in re.sub(r"\s+", " ", page.content.decode())


def test_an_overlap_leads_to_the_other_order_and_names_it_once_with_its_listings(client: Client) -> None:
    branch = factories.make_branch()
    listings = (factories.make_listing(branch, title="Flat"), factories.make_listing(branch, title="House"))
    building.published("queue_1", branch=branch, listings=listings, agent=None)
    both = building.published("queue_2", "queue_3", branch=branch, listings=listings, agent=None)
    assert words(client)["queue_1"][6] == f"warningOverlaps with {both.order_ref} (Flat and 1 more)"
    (row,) = [row for row in client.get(PAGE).context["table"]["rows"] if "queue_1" in str(row[2])]
    assert f'href="/admin/campaigns/order/{both.pk}/change/">{both.order_ref}</a>' in row[6]


def test_bars_of_the_same_listing_are_told_apart_by_their_orders(client: Client) -> None:
    listing = factories.make_listing(factories.make_branch(name="Sea Point"), title="Flat")
    campaign("queue_1", 0, 14, listing, phase="live")
    campaign("queue_2", 20, 30, listing, phase="paused")
    campaign("queue_3", 10, 12, listing, phase="live")
    for query, about in (("", "Flat"), ("?by=listing", "Sea Point")):
        found = bars(client, query)
        assert {bar.about for bar in found.values()} == {about}
        assert [found[name].order_ref for name in ("queue_1", "queue_2")] == [ref("queue_1"), ref("queue_2")]
        assert found["queue_1"].title == f"Flat, order {ref('queue_1')}: Live, overlaps"
        assert found["queue_2"].title == f"Flat, order {ref('queue_2')}: Paused"


def test_tracking_ids_of_one_order_do_not_overlap(client: Client) -> None:
    listing = factories.make_listing()
    building.published("queue_1", "queue_2", branch=listing.branch, listings=(listing,), agent=None)
    assert {row[6] for row in words(client).values()} == {"none"}
    assert "No two orders run for the same listing at the same time." in client.get(PAGE).content.decode()


def test_a_campaign_that_was_over_early_overlaps_only_until_then(client: Client) -> None:
    listing = factories.make_listing()
    campaign("queue_1", 0, 14, listing, phase="cancelled", changed_at=MONDAY + timedelta(days=2))
    campaign("queue_2", 2, 21, listing)
    campaign("queue_never", 5, 21, listing, phase="cancelled", changed_at=MONDAY + timedelta(days=5))
    campaign("queue_long_over", -9, 21, listing, phase="failed", changed_at=MONDAY)
    assert {name: row[6] for name, row in words(client).items()} == {"queue_1": "none", "queue_2": "none"}
    assert words(client)["queue_1"][5] == "6 Mar 2030, 00:00 SAST"


def test_campaigns_without_start_or_end_are_shown_from_their_creation_with_words(client: Client) -> None:
    tokyo = factories.make_listing(factories.make_branch(time_zone="Asia/Tokyo"))
    campaign("queue_1", None, None, tokyo)
    row = words(client)["queue_1"]
    assert row[4:6] == ["6 Mar 2030, 19:00 JST, its creation: no start given", "open: no end given"]
    assert bars(client)["queue_1"].stretch.x == client.get(PAGE).context["today"]


def test_times_are_on_the_branch_s_clock_and_so_are_the_weeks_of_one_branch(client: Client) -> None:
    tokyo = factories.make_listing(factories.make_branch(time_zone="Asia/Tokyo"))
    campaign("queue_1", 0, 1, tokyo)
    assert words(client)["queue_1"][4:6] == ["4 Mar 2030, 07:00 JST", "5 Mar 2030, 07:00 JST"]
    assert client.get(PAGE).context["zone"] == "SAST (Africa/Johannesburg)"
    assert client.get(f"{PAGE}?branch={tokyo.branch_id}").context["zone"] == "JST (Asia/Tokyo)"


@pytest.fixture
def mine() -> Branch:
    return factories.make_branch(name="Mine")


def test_people_see_the_campaigns_of_their_branches_alone(mine: Branch) -> None:
    listing, other = factories.make_listing(mine), factories.make_listing()
    campaign("queue_mine", 1, 10, listing)
    campaign("queue_theirs", 1, 10, other)
    scoped = building.client_of(factories.make_user("thandi", *RIGHTS, branches=[mine]))
    for query in ("", "?by=listing", f"?branch={mine.pk}"):
        assert names(scoped, query) == ["queue_mine"]
        html = scoped.get(PAGE + query).content.decode()
        assert "queue_theirs" not in html
        assert other.branch.name not in html
    for branch in (other.branch_id, 0, "x", 10**30):
        assert scoped.get(f"{PAGE}?branch={branch}").status_code == 404


def test_a_campaign_of_a_branch_of_others_is_not_named_as_an_overlap(mine: Branch) -> None:
    listing = factories.make_listing(mine)
    campaign("queue_mine", 1, 10, listing)
    campaign("queue_moved", 1, 10, listing)
    Campaign.objects.filter(tracking_id="queue_moved").update(branch=factories.make_branch())
    scoped = building.client_of(factories.make_user("thandi", *RIGHTS, branches=[mine]))
    assert words(scoped)["queue_mine"][6] == "none"


def test_a_branch_is_chosen_among_one_s_own(client: Client, mine: Branch) -> None:
    campaign("queue_mine", 1, 10, factories.make_listing(mine))
    campaign("queue_theirs", 1, 10)
    assert names(client, f"?branch={mine.pk}") == ["queue_mine"]
    page = client.get(f"{PAGE}?branch={mine.pk}&by=listing&weeks=4&from=2030-03-04")
    assert f'<option value="{mine.pk}" selected>Mine</option>' in page.content.decode()
    assert page.context["later"] == f"?from=2030-04-01&weeks=4&by=listing&branch={mine.pk}"


def test_only_those_who_may_see_campaigns_get_there_and_nothing_can_be_sent() -> None:
    nobody = building.client_of(factories.make_user("newcomer", "view_order"))
    assert nobody.get(PAGE).status_code == 403
    assert Client().get(PAGE).headers["Location"] == f"/admin/login/?next={PAGE}"
    reader = building.client_of(factories.make_user("reader", *RIGHTS))
    assert reader.post(PAGE, {}).status_code == 405


def test_the_menu_leads_there_and_marks_only_the_page_that_is_open(client: Client) -> None:
    def active(page: str) -> list[str]:
        groups = client.get(page).context["sidebar_navigation"]
        return [item["title"] for group in groups for item in group["items"] if item.get("active")]

    assert active(PAGE) == ["Calendar"]
    assert active("/admin/campaigns/campaign/") == ["Campaigns"]


def test_takes_as_many_queries_however_many_campaigns_there_are(client: Client) -> None:
    counts = []
    for size in (3, 30):
        for number in range(size):
            listing = factories.make_listing()
            campaign(f"queue_{size}_{number}_a", 1, 10, listing)
            campaign(f"queue_{size}_{number}_b", 2, 10, listing)
        for query in ("", "?by=listing"):
            with CaptureQueriesContext(connection) as captured:
                client.get(PAGE + query)
            counts.append(len(captured))
    assert counts[:2] == counts[2:]


def test_a_page_has_at_most_a_hundred_lines(client: Client) -> None:
    branch = factories.make_branch()
    listings = tuple(factories.make_listing(branch) for _ in range(101))
    building.published("queue_1", branch=branch, listings=listings, agent=None)
    assert len(names(client, "?by=listing")) == 100
    assert len(names(client, "?by=listing&page=2")) == 1


def test_says_so_where_there_is_too_much_to_compare(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.selectors.calendar.MOST", 1)
    listing = factories.make_listing()
    campaign("queue_1", 0, 14, listing)
    campaign("queue_2", 20, 21, listing)
    page = client.get(PAGE)
    assert "there may be overlaps that are not marked" in page.content.decode()
    assert {row[6] for row in words(client).values()} == {"not compared"}


def test_names_of_others_are_plain_text(client: Client) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    listing = factories.make_listing(factories.make_branch(name=hostile), title=hostile)
    campaign("queue_<b>1", 0, 14, listing)
    campaign("queue_<b>2", 0, 14, listing)
    for query in ("", "?by=listing"):
        html = client.get(PAGE + query).content.decode()
        assert "<img src=x" not in html
        assert "<b>" not in html


def test_an_empty_calendar_says_what_will_appear_and_offers_the_first_step() -> None:
    builder = building.client_of(factories.make_user("builder", "view_campaign", "add_order"))
    html = builder.get(PAGE).content.decode()
    assert "No campaign runs in these weeks" in html
    assert "/admin/campaigns/order/add/" in html
