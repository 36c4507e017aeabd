"""Each person's alerts: a number in the menu, a page, and how each kind is told. Nobody sees those of others."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from campaigns import selectors
from campaigns.domain.alerts import AlertKind, Channel
from campaigns.models import Alert, Branch, Campaign, Event, Listing, Order
from campaigns.services import alerting, orders, watching
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db
PAGE, NEWS, SETTINGS = "/admin/alerts/", "/admin/alerts/?show=news", "/admin/alerts/settings/"


@pytest.fixture
def branch() -> Branch:
    return factories.make_branch(name="Sea Point")


@pytest.fixture
def sue(branch: Branch) -> User:
    return factories.make_user("sue", "settle_order", "view_order", branches=[branch], email="sue@example.com")


def alarm(branch: Branch, count: int = 1) -> list[Order]:
    orders = [building.in_doubt(branch=branch) for _ in range(count)]
    alerting.raise_alerts(timezone.now())
    return orders


def badge(user: User) -> Any:
    menu = building.client_of(user).get("/admin/").context["sidebar_navigation"]
    (item,) = (item for group in menu for item in group["items"] if item["title"] == "Alerts")
    return item["badge"]


def test_the_menu_tells_how_many_ask_for_somebody_and_are_unread(branch: Branch, sue: User) -> None:
    assert badge(sue) == 0
    alarm(branch, 2)
    alerting.mark_read(sue, Alert.objects.filter(user=sue).latest("pk").pk, now=timezone.now())
    assert badge(sue) == 1
    last = Event.objects.latest("pk")
    Alert.objects.bulk_create(
        Alert(
            user=sue,
            kind="doubt",
            order=building.draft(branch=branch),
            event=last,
            first_at="2030-01-01T00:00Z",
            last_at="2030-01-01T00:00Z",
            channel="admin",
        )
        for _ in range(99)
    )
    assert badge(sue) == "99+"


def test_what_went_well_raises_no_number_and_has_a_tab_of_its_own(branch: Branch, settings: Settings) -> None:
    settings.FLOW_IS_LOCAL = False
    tom = factories.make_user("tom", "submit_order", "view_order", branches=[branch])
    building.published("queue_1", branch=branch)
    alerting.raise_alerts(timezone.now())
    assert [alert.kind for alert in selectors.unread_alerts(tom)] == ["published"]
    assert badge(tom) == 0
    client = building.client_of(tom)
    assert "Nothing asks for you" in client.get(PAGE).content.decode()
    news = client.get(NEWS)
    assert "Flow accepted the order." in news.content.decode()
    assert news.context["totals"] == ["Published: 1 order, 1,500.00 ZAR (Sea Point 1)"]


def test_good_news_beside_bad_does_not_raise_its_number(branch: Branch) -> None:
    tom = factories.make_user("tom", "submit_order", "settle_order", "view_order", branches=[branch])
    building.published("queue_1", branch=branch)
    alarm(branch)
    assert selectors.unread_alerts(tom).count() == 2
    assert badge(tom) == 1
    page = building.client_of(tom).get(PAGE)
    assert [row["alert"].kind for row in page.context["rows"]] == ["doubt"]
    assert [(tab["title"], tab["badge"], tab["shown"]) for tab in page.context["tabs"]] == [
        ("Asks for you", "1", True),
        ("Good news", "1", False),
        ("All", "", False),
    ]


def test_good_news_is_marked_as_read_in_its_own_tab_alone(branch: Branch) -> None:
    tom = factories.make_user("tom", "submit_order", "settle_order", "view_order", branches=[branch])
    building.published("queue_1", branch=branch)
    alarm(branch)
    client = building.client_of(tom)
    until = client.get(NEWS).context["until"]
    answer = client.post(f"{PAGE}read/", {"until": until, "show": "news"})
    assert answer.headers["Location"] == NEWS
    assert [alert.kind for alert in selectors.unread_alerts(tom)] == ["doubt"]


def test_a_listing_that_is_gone_is_one_alert_that_leads_to_its_proposals(branch: Branch) -> None:
    carl = factories.make_user("carl", "command_campaign", "view_campaign", branches=[branch])
    listing = factories.make_listing(branch, title="Sunny <b>flat</b>", external_id="L-1")
    for number in range(3):
        building.published(f"queue_{number}", branch=branch, listings=(listing,), agent=None)
    Campaign.objects.update(phase="live")
    Listing.objects.filter(pk=listing.pk).update(status="sold")
    watching.watch(timezone.now())
    alerting.raise_alerts(timezone.now())
    html = building.client_of(carl).get(PAGE).content.decode()
    assert badge(carl) == 1
    assert (
        '<a class="text-link" href="/admin/campaigns/campaign/pause-proposals/">'
        "listing Sunny &lt;b&gt;flat&lt;/b&gt; (L-1)</a>"
    ) in html
    assert "The listing is sold, and 3 campaigns run for it: pause them? Their orders are for 4,500.00 ZAR." in html
    assert "3 times" not in html


def test_a_rehearsal_is_marked_as_one(branch: Branch, sue: User, settings: Settings) -> None:
    settings.FLOW_IS_LOCAL = True
    alarm(branch)
    assert '<span class="timeline-by">Rehearsal</span>' in building.client_of(sue).get(PAGE).content.decode()


def test_an_order_that_was_not_approved_asks_for_its_author_with_the_comment() -> None:
    order, boss = building.awaiting_approval(), factories.make_user("boss", "approve_order", "view_order")
    orders.reject(order.pk, order.version, comment="Spend <i>half</i>.", user=boss, now=timezone.now())
    alerting.raise_alerts(timezone.now())
    assert badge(building.author()) == 1
    html = building.client_of(building.author()).get(PAGE).content.decode()
    assert "boss did not approve the order: Spend &lt;i&gt;half&lt;/i&gt;." in html


def test_the_page_tells_what_is_unread_with_a_link_to_it(branch: Branch, sue: User) -> None:
    (order,) = alarm(branch)
    html = building.client_of(sue).get(PAGE).content.decode()
    assert f'href="/admin/campaigns/order/{order.pk}/change/">order {order.order_ref}</a>' in html
    assert "In doubt" in html
    assert "Flow did not answer in time." in html
    assert f"Mark as read: In doubt, order {order.order_ref}" in html


def test_looking_reads_nothing(branch: Branch, sue: User) -> None:
    alarm(branch)
    client, alert = building.client_of(sue), Alert.objects.get(user=sue)
    for page in (PAGE, NEWS, f"{PAGE}?show=all", f"{PAGE}?show=nonsense", SETTINGS):
        assert client.get(page).status_code == 200
    assert client.get(f"{PAGE}{alert.pk}/read/").status_code == 405
    assert client.get(f"{PAGE}read/").status_code == 405
    alert.refresh_from_db()
    assert alert.read_at is None


def test_one_is_marked_as_read_and_stays_among_all(branch: Branch, sue: User) -> None:
    first, second = alarm(branch, 2)
    client, alert = building.client_of(sue), Alert.objects.get(user=sue, order=first)
    assert client.post(f"{PAGE}{alert.pk}/read/").headers["Location"] == PAGE
    assert [each.order for each in selectors.unread_alerts(sue)] == [second]
    assert first.order_ref not in client.get(PAGE).content.decode()
    assert first.order_ref in client.get(f"{PAGE}?show=all").content.decode()


def test_all_are_marked_as_read_but_those_that_came_since(branch: Branch, sue: User) -> None:
    alarm(branch, 2)
    client = building.client_of(sue)
    until = client.get(PAGE).context["until"]
    (late,) = alarm(branch)
    answer = client.post(f"{PAGE}read/", {"until": until}, follow=True)
    assert [str(message) for message in answer.context["messages"]] == ["2 alerts marked as read."]
    assert [each.order for each in selectors.unread_alerts(sue)] == [late]


@pytest.mark.parametrize("until", ["", "x", "9" * 40])
def test_nonsense_marks_nothing_as_read(branch: Branch, sue: User, until: str) -> None:
    alarm(branch)
    assert building.client_of(sue).post(f"{PAGE}read/", {"until": until}).status_code == 302
    assert selectors.unread_alerts(sue).count() == 1


def test_alerts_of_others_and_of_another_branch_are_not_found(branch: Branch, sue: User) -> None:
    alarm(branch)
    alert = Alert.objects.get(user=sue)
    tom = factories.make_user("tom", "settle_order", "view_order")
    assert building.client_of(tom).post(f"{PAGE}{alert.pk}/read/").status_code == 404
    assert building.client_of(tom).post(f"{PAGE}{'9' * 30}/read/").status_code == 404
    branch.staff.remove(sue)
    client = building.client_of(sue)
    assert client.post(f"{PAGE}{alert.pk}/read/").status_code == 404
    assert alert.order.order_ref not in client.get(f"{PAGE}?show=all").content.decode()
    assert badge(sue) == 0
    alert.refresh_from_db()
    assert alert.read_at is None


def test_a_post_without_the_token_changes_nothing(branch: Branch, sue: User) -> None:
    alarm(branch)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(sue)
    for page in (f"{PAGE}read/", f"{PAGE}{Alert.objects.get(user=sue).pk}/read/", SETTINGS):
        assert strict.post(page, {"until": 99, "doubt": "digest"}).status_code == 403
    assert selectors.unread_alerts(sue).count() == 1
    assert not sue.alert_choices.exists()


@pytest.mark.parametrize("page", [PAGE, SETTINGS])
def test_strangers_are_sent_to_the_sign_in_page(page: str, client: Client) -> None:
    assert client.get(page).headers["Location"] == f"/admin/login/?next={page}"


def test_fifty_alerts_take_as_many_queries_as_five(branch: Branch, sue: User) -> None:
    client, counts = building.client_of(sue), []
    for more in (5, 20):
        alarm(branch, more)
        with CaptureQueriesContext(connection) as queries:
            assert len(client.get(PAGE).context["rows"]) == min(25, more if more == 5 else 25)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_each_person_chooses_among_what_may_concern_them(sue: User) -> None:
    client = building.client_of(sue)
    form = client.get(SETTINGS).context["form"]
    assert list(form.fields) == ["doubt", "not_approved", "mentioned"]
    assert [value for value, _ in form.fields["doubt"].choices] == ["at_once", "digest", "admin"]
    answer = client.post(
        SETTINGS, {"doubt": "at_once", "not_approved": "digest", "mentioned": "admin", "rejected": "off"}, follow=True
    )
    assert "Your choice is saved." in answer.content.decode()
    chosen = selectors.alert_channels(sue)
    assert (chosen[AlertKind.DOUBT], chosen[AlertKind.MENTIONED]) == (Channel.AT_ONCE, Channel.ADMIN)
    assert chosen[AlertKind.REJECTED] is Channel.AT_ONCE


def test_doubt_can_not_be_switched_off_and_nothing_is_saved(sue: User) -> None:
    html = (
        building.client_of(sue)
        .post(SETTINGS, {"doubt": "off", "not_approved": "off", "mentioned": "admin"})
        .content.decode()
    )
    assert "Choose one from the list." in html
    assert not sue.alert_choices.exists()


def test_whoever_has_no_address_is_told_so(sue: User) -> None:
    assert "sue@example.com" in building.client_of(sue).get(SETTINGS).content.decode()
    User.objects.update(email="")
    assert "No e-mail reaches you" in building.client_of(sue).get(SETTINGS).content.decode()
