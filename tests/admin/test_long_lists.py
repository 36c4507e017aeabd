"""Lists of any length: counted as far as it matters, read from the nearer end, never sorted without an index."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns.admin import listings, pages, timeouts
from campaigns.admin.orderings import has_index
from campaigns.models import Campaign, Listing, Order
from campaigns.selectors import search
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db

PAGE = "/admin/campaigns/listing/"


@pytest.fixture
def client() -> Client:
    return building.client_of(User.objects.create_superuser("boss", password="x"))


@pytest.fixture
def _counts_to_30(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_COUNTED", 30)
    monkeypatch.setattr(search, "MOST_FOUND", 31)
    monkeypatch.setattr(search, "FEW", 5)


def make_listings(count: int, **fields: Any) -> None:
    branch = factories.make_branch()
    for number in range(count):
        factories.make_listing(branch, title=f"House {number:03}", **fields)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE campaigns_listing")


def shown(client: Client, query: str = "") -> Any:
    return client.get(f"{PAGE}?{query}").context["cl"]


def titles(client: Client, query: str = "") -> list[str]:
    return [listing.title for listing in shown(client, query).result_list]


def said(client: Client, query: str) -> list[str]:
    return [str(message) for message in get_messages(client.get(f"{PAGE}?{query}", follow=True).wsgi_request)]


@pytest.mark.usefixtures("_counts_to_30")
class TestALongList:
    def test_is_counted_exactly_up_to_the_most(self, client: Client) -> None:
        make_listings(30)
        assert str(shown(client).size) == "30"
        assert str(shown(client, "active__exact=1").size) == "30"

    def test_is_estimated_beyond_it_where_nothing_is_filtered(self, client: Client) -> None:
        make_listings(80)
        estimate = shown(client).size
        assert estimate.counted is pages.Counted.ABOUT
        assert estimate.rows >= 80  # as many rows were numbered, or more
        assert str(estimate).startswith("about ")

    def test_is_told_to_be_longer_where_it_is_filtered(self, client: Client) -> None:
        make_listings(80)
        found = shown(client, "active__exact=1")
        assert str(found.size) == "more than 30"
        assert found.paginator.num_pages == 2
        html = client.get(f"{PAGE}?active__exact=1").content.decode()
        assert "more than 30 listings. The pages end there" in html

    def test_shows_its_last_rows_on_the_last_page_in_order(self, client: Client) -> None:
        make_listings(80)
        last = shown(client).paginator.num_pages
        rows = titles(client, f"p={last}")
        assert rows == [f"House {number:03}" for number in range(80 - len(rows), 80)]

    def test_is_not_sorted_by_a_column_without_an_index(self, client: Client) -> None:
        make_listings(80)
        price = 4
        assert titles(client, f"o=-{price}")[0] == "House 000"
        assert said(client, f"o=-{price}") == [
            "A list of more than 30 rows can't be sorted by this column, and is shown in its own order. Filter it, and it can."
        ]

    def test_is_sorted_by_a_column_with_an_index(self, client: Client) -> None:
        make_listings(80)
        assert titles(client, "o=-0")[:2] == ["House 079", "House 078"]
        assert said(client, "o=-0") == []

    def test_is_sorted_by_any_column_once_it_is_filtered(self, client: Client) -> None:
        make_listings(80)
        factories.make_listing(title="Barn A", price=1)
        factories.make_listing(title="Barn B", price=2)
        assert titles(client, "q=barn&o=-4") == ["Barn B", "Barn A"]
        assert said(client, "q=barn&o=-4") == []

    def test_has_some_of_what_a_wide_search_finds(self, client: Client) -> None:
        make_listings(2)
        branch = factories.make_branch()
        for _ in range(40):
            building.draft(branch=branch)
        found = client.get("/admin/campaigns/order/?q=ORD-").context["cl"]
        assert str(found.size) == "more than 30"
        assert len(found.result_list) == 25


@pytest.mark.parametrize(
    ("query", "condition"),
    [("q=queue_", "tracking_id"), ("q=ORD-", "order_ref"), ("needs=gone", "campaigns_orderlisting")],
)
def test_the_database_is_asked_once_which_rows_a_search_or_a_need_has(
    client: Client, query: str, condition: str
) -> None:
    for number in range(3):
        building.published(f"queue_{number}")
    Campaign.objects.update(phase="live")
    Listing.objects.update(active=False)
    with CaptureQueriesContext(connection) as captured:
        found = client.get(f"/admin/campaigns/campaign/?{query}").context["cl"]
    asked = [each["sql"] for each in captured if condition in each["sql"].partition(" WHERE ")[2]]
    assert ([campaign.tracking_id for campaign in found.result_list], len(asked)) == (
        ["queue_2", "queue_1", "queue_0"],
        1,
    )


@pytest.mark.usefixtures("_counts_to_30")
@pytest.mark.parametrize(("query", "pages_there"), [("q=ORD-", 2), ("q=ORD-&state__exact=draft", 1)])
def test_the_pages_of_a_search_follow_each_other(client: Client, query: str, pages_there: int) -> None:
    branch = factories.make_branch()
    drafts = [building.draft(branch=branch).order_ref for _ in range(20)]
    others = [building.queued(branch=branch).order_ref for _ in range(20)]
    seen = [
        order.order_ref
        for page in range(1, pages_there + 1)
        for order in client.get(f"/admin/campaigns/order/?{query}&p={page}").context["cl"].result_list
    ]
    expected = [*drafts, *others][::-1] if pages_there == 2 else drafts[::-1]
    assert len(set(seen)) == len(seen) == min(30, len(expected))
    assert set(seen) <= set(expected)


def test_every_page_of_a_list_has_its_own_rows(client: Client) -> None:
    make_listings(110)
    rows = [title for page in range(1, 6) for title in titles(client, f"p={page}")]
    assert rows == [f"House {number:03}" for number in range(110)]


@pytest.mark.parametrize("page", ["order", "campaign"])
def test_a_list_with_ticks_has_pages_too(client: Client, page: str) -> None:
    building.published(*[f"queue_{number:02}" for number in range(30)])
    branch = factories.make_branch()
    for _ in range(29):
        building.draft(branch=branch)
    first, second = (client.get(f"/admin/campaigns/{page}/?p={number}").context["cl"].result_list for number in (1, 2))
    assert (len(first), len(second)) == (25, 5)
    assert not set(first) & set(second)


@pytest.mark.parametrize(("page", "rows"), [("9", 5), ("0", 25), ("-3", 25), ("9" * 50, 5)])
def test_a_page_that_is_not_there_is_told(client: Client, page: str, rows: int) -> None:
    make_listings(30)
    assert len(titles(client, f"p={page}")) == rows
    number = 2 if rows == 5 else 1
    assert said(client, f"p={page}") == [
        f"There is no such page. The pages of this list are 1 to 2; this is page {number}."
    ]


def test_rows_that_are_alike_follow_in_the_direction_of_the_column(client: Client) -> None:
    first, second = (factories.make_listing(title="Same") for _ in range(2))
    assert [row.pk for row in shown(client, "o=0").result_list] == [first.pk, second.pk]
    assert [row.pk for row in shown(client, "o=-0").result_list] == [second.pk, first.pk]


def test_a_search_of_10_000_characters_is_refused_in_words(client: Client) -> None:
    make_listings(1)
    assert said(client, f"q={'a' * 10_000}") == [
        "A search has at most 200 characters, and yours has 10,000. Nothing was searched for."
    ]
    answer = client.get(f"{PAGE}?q={'a' * 10_000}&active__exact=1")
    assert answer.headers["Location"] == f"{PAGE}?active__exact=1"


@pytest.mark.parametrize(
    ("text", "finds"),
    [
        ("loft", True),
        ("LOFT sea", True),
        ("lo", True),
        ("l-77", True),
        ("l-7", True),
        ("lo-77", False),
        ("12 main", True),
        ("oft", False),
        ("loft river", False),
        ("---", False),
        ("' OR 1=1", False),
        ("café", True),
    ],
)
def test_the_catalogue_is_found_by_words_from_their_beginning(client: Client, text: str, finds: bool) -> None:
    factories.make_listing(title="Loft with a sea view, by the Café", external_id="L-77", address="12 Main Road")
    found = client.get(PAGE, {"q": text}).context["cl"].result_list
    assert [row.external_id for row in found] == (["L-77"] if finds else [])


def test_the_words_are_those_of_now_whatever_door_changed_them(client: Client) -> None:
    listing = factories.make_listing(title="Loft")
    Listing.objects.filter(pk=listing.pk).update(title="Barn")
    assert (titles(client, "q=loft"), titles(client, "q=barn")) == ([], ["Barn"])
    listing.delete()
    assert titles(client, "q=barn") == []


def test_a_campaign_is_found_by_two_words_of_different_rows(client: Client) -> None:
    one, _ = building.campaign("queue_1"), building.campaign("queue_2")
    found = client.get("/admin/campaigns/campaign/", {"q": f"queue_ {one.order.order_ref}"}).context["cl"]
    assert building.names(found.result_list) == ["queue_1"]


@pytest.mark.parametrize(("text", "count"), [("queue_", 1), ("QUEUE_", 0), ("queue%", 0), ("q", 2), ("\N{SNOWMAN}", 0)])
def test_how_a_reference_begins_is_taken_to_the_letter(text: str, count: int) -> None:
    building.campaign("queue_1")
    building.campaign("queueX2")
    assert Campaign.objects.filter(tracking_id__begins=text).count() == count


def test_dates_lead_from_years_to_months_to_days(client: Client) -> None:
    order = building.draft()
    year, page = order.created_at.year, "/admin/campaigns/order/"
    years = client.get(page).context["cl"].dates
    assert years == {"choices": [{"link": f"?created_at__year={year}", "title": str(year)}]}
    months = client.get(f"{page}?created_at__year={year}").context["cl"]
    assert len(months.dates["choices"]) == 12
    assert list(months.result_list) == [order]
    february = client.get(f"{page}?created_at__year=2024&created_at__month=2").context["cl"]
    assert len(february.dates["choices"]) == 29
    assert february.dates["back"] == {"link": "?created_at__year=2024", "title": "2024"}
    assert list(february.result_list) == []


@pytest.mark.parametrize(
    "query", ["created_at__year=x", "created_at__year=2024&created_at__month=13", "created_at__year=0"]
)
def test_nonsense_dates_are_left_out(client: Client, query: str) -> None:
    assert client.get(f"/admin/campaigns/order/?{query}", follow=True).status_code == 200


@pytest.mark.parametrize(
    ("ordering", "is_held"),
    [
        (("-created_at", "-pk"), True),
        (("-created_at", "-id"), True),
        (("created_at", "id"), True),
        (("created_at", "-id"), False),
        (("tracking_id",), True),
        (("-tracking_id",), True),
        (("pk",), True),
        (("ends_at", "id"), True),
        (("branch", "-created_at", "-id"), False),
        (("branch__name", "id"), False),
        (("flow_status", "id"), False),
    ],
)
def test_an_order_is_held_by_an_index_or_not(ordering: tuple[str, ...], is_held: bool) -> None:
    assert has_index(Campaign, ordering) is is_held


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_list_that_takes_too_long_is_stopped_and_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.make_listing()
    slow = Listing.objects.extra(where=["pg_sleep(5) IS NOT NULL"])
    monkeypatch.setattr(listings, "listings_for", lambda _user: slow)
    monkeypatch.setattr(timeouts, "SECONDS", 0.1)
    client.raise_request_exception = False
    answer = client.get(PAGE)
    assert answer.status_code == 503
    assert "This list takes too long" in answer.content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


@pytest.mark.postgresql
def test_only_lists_are_limited(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeouts, "SECONDS", None)  # would raise where it is used
    order = building.draft()
    assert client.get(f"/admin/campaigns/order/{order.pk}/change/").status_code == 200
    assert Order.objects.get() == order


@pytest.mark.postgresql
def test_postgresql_compiles_no_statement() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW jit")
        assert cursor.fetchone() == ("off",)
