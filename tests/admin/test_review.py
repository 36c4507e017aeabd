"""Before an order leaves, one page shows all of it, warns, and has a button that says what it does and costs."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import strip_tags

from campaigns.admin import look
from campaigns.admin.order_deeds import TAKEN
from campaigns.domain.states import ActorKind
from campaigns.models import Branch, Campaign, Listing, Order, Plan
from campaigns.services import dry_runs, orders
from campaigns.services.content import Content
from campaigns.services.history import record
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db


@pytest.fixture
def author() -> User:
    return building.author()


@pytest.fixture
def second() -> User:
    return factories.make_user("second", *building.EVERYTHING)


def page(order: Order, deed: str = "submit") -> str:
    return f"/admin/campaigns/order/{order.pk}/{deed}/"


def review(order: Order, user: User, deed: str = "submit") -> Any:
    answer = building.client_of(user).get(page(order, deed))
    assert answer.status_code == 200
    return answer


def html(answer: Any) -> str:
    return str(answer.content.decode())


def pairs(answer: Any, name: str) -> dict[str, str]:
    return {label: strip_tags(str(value)) for label, value in answer.context[name]}


def warned(answer: Any) -> list[str]:
    return [strip_tags(str(warning)) for warning in answer.context["warnings"]]


def edit(order: Order, user: User, **fields: Any) -> Order:
    content = replace(Content.of(Order.objects.get(pk=order.pk)), **fields)
    return orders.edit_order(order.pk, order.version, content, user=user, now=timezone.now())


def test_the_button_says_what_is_published_and_for_how_much(author: User) -> None:
    branch = factories.make_branch()
    listings = tuple(factories.make_listing(branch) for _ in range(3))
    answer = review(building.draft(branch=branch, listings=listings, budget_override=Decimal(2928)), author)
    assert answer.context["button"] == "Publish 3 listings, 2,928.00 ZAR"
    assert "this money is spent" in answer.context["says"]


def test_the_button_says_before_the_click_that_a_second_person_is_needed(author: User, second: User) -> None:
    branch = factories.make_branch(name="Sea Point", approval_threshold=Decimal(1000))
    answer = review(building.draft(branch=branch), author)
    assert answer.context["button"] == "Send 1 listing, 1,500.00 ZAR to approval"
    assert pairs(answer, "people")["Second person"] == (
        "Needed: Sea Point's threshold is 1,000.00 ZAR. Who can: second."
    )


def test_the_site_s_threshold_is_called_the_site_s(author: User, settings: Any) -> None:
    settings.APPROVAL_THRESHOLD = Decimal(9000)
    order = building.draft()
    assert pairs(review(order, author), "people")["Second person"] == (
        "Not needed: the site's threshold is 9,000.00 ZAR"
    )
    settings.APPROVAL_THRESHOLD = Decimal(1500)
    assert pairs(review(order, author), "people")["Second person"] == (
        "Needed: the site's threshold is 1,500.00 ZAR. Nobody can yet: ask an administrator to give somebody else of "
        f"{order.branch.name} “approve_order”."
    )


def test_what_the_price_became_since_the_page_was_opened_is_not_spent(author: User) -> None:
    order = building.draft()
    seen = review(order, author).context["form"]["terms"].value()
    Plan.objects.update(default_budget=Decimal(9000))
    answer = building.client_of(author).post(page(order), {"version": order.version, "terms": seen})
    assert answer.status_code == 409
    assert answer.context["form"].non_field_errors() == [
        "It was “1,500.00 ZAR, at once” when you opened this page, and is “9,000.00 ZAR, at once” now. Nothing was done."
    ]
    assert "Look at" in html(answer)
    assert Order.objects.get().state == "draft"
    assert building.kinds(order) == ["order.created"]


def test_the_terms_that_were_shown_submit_the_order(author: User) -> None:
    order = building.draft()
    seen = review(order, author).context["form"]["terms"].value()
    building.client_of(author).post(page(order), {"version": order.version, "terms": seen})
    assert Order.objects.get().state == "queued"


def test_pictures_and_pages_are_linked_and_nothing_is_loaded_from_their_hosts(author: User) -> None:
    branch = factories.make_branch()
    listing = factories.make_listing(branch, title="Flat", image_url="https://img.example/1.jpg?a=1&b=2")
    text = html(review(building.draft(branch=branch, listings=(listing,)), author))
    assert (
        'href="https://img.example/1.jpg?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">Picture'
        f'<span class="console-unseen"> of <bdi>{listing}</bdi></span> at <bdi>img.example</bdi>'
    ) in text
    assert f'href="{listing.url}" target="_blank" rel="noopener noreferrer">Page' in text
    assert 'src="https://img.example' not in text


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "ftp://img.example/1", "//img.example/1", "https://[bad", "http:"],
)
def test_an_address_that_is_no_web_page_is_no_link(author: User, url: str) -> None:
    branch = factories.make_branch()
    listing = factories.make_listing(branch, title="<b>Flat</b>", url=url, image_url=url)
    text = html(review(building.draft(branch=branch, listings=(listing,)), author))
    assert "No picture · No page" in text
    assert f'href="{url}"' not in text
    assert "<b>Flat" not in text


def test_what_remains_of_the_branch_s_month_is_told(author: User) -> None:
    branch = factories.make_branch(name="Sea Point", monthly_budget=Decimal(5000))
    earlier = building.queued(branch=branch, start_at=None, end_at=None)
    order = building.draft(branch=branch, start_at=None, end_at=None)
    month = f"{earlier.created_at.astimezone(branch.zone):%B %Y}"
    found = pairs(review(order, author), "money")
    assert found[f"{month}, budget"] == "5,000.00 ZAR for Sea Point"
    assert found[f"{month}, committed"] == "1,500.00 ZAR by other orders"
    assert found[f"{month}, after this"] == "2,000.00 ZAR remain"


def test_an_order_over_the_branch_s_budget_is_warned_of_and_can_leave(author: User) -> None:
    branch = factories.make_branch(name="Sea Point", monthly_budget=Decimal(1000))
    answer = review(building.draft(branch=branch), author)
    (warning,) = warned(answer)
    assert warning.startswith("Sea Point's budget of ")
    assert warning.endswith(" does not cover it: 500.00 ZAR over the budget.")
    assert answer.context["faults"] == []
    assert "novalidate" in html(answer)


@pytest.mark.parametrize(
    ("budget", "currency", "words"),
    [
        (None, "ZAR", "1,500.00 ZAR committed, with no budget to hold it against"),
        (Decimal(10), "EUR", "Can't be compared: the budget is in ZAR, this order in EUR"),
    ],
)
def test_where_nothing_can_be_compared_the_page_says_so(
    author: User, budget: Decimal | None, currency: str, words: str
) -> None:
    branch, plan = factories.make_branch(monthly_budget=budget), factories.make_plan(currency=currency)
    answer = review(building.draft(branch=branch, plan=plan), author)
    assert [value for label, value in pairs(answer, "money").items() if label.endswith("after this")] == [words]
    assert warned(answer) == []


def test_a_start_that_is_close_is_warned_of(author: User) -> None:
    order = building.draft(start_at=timezone.now() + timedelta(minutes=30, seconds=30))
    assert warned(review(order, author)) == [
        "Its start is close, in 30 min: a worker must send it before then, else it is rejected and nothing is sent."
    ]
    Branch.objects.update(approval_threshold=Decimal(1))
    assert "a second person must approve it and a worker send it before then" in warned(review(order, author))[0]


def test_listings_that_are_gone_or_advertised_already_are_warned_of(author: User) -> None:
    branch = factories.make_branch()
    sold = factories.make_listing(branch, title="A flat", status="Sold")
    twice = factories.make_listing(branch, title="B <b>house</b>")
    other = building.queued(branch=branch, listings=(twice,))
    answer = review(building.draft(branch=branch, listings=(sold, twice)), author)
    assert warned(answer) == [
        f"{sold} is marked “Sold”: advertising it may be wasted.",
        f"B &lt;b&gt;house&lt;/b&gt; ({twice.external_id}) is also in order {other} (queued).",
    ]
    assert f'href="/admin/campaigns/order/{other.pk}/change/"' in html(answer)


def test_only_what_runs_is_called_advertised_already(author: User) -> None:
    branch = factories.make_branch(approval_threshold=Decimal(2000))
    flat = factories.make_listing(branch, title="A flat")
    fields: dict[str, Any] = {"branch": branch, "listings": (flat,)}
    runs = building.published("queue_1", **fields)
    waits = building.queued(**fields, budget_override=Decimal(2000))
    doubtful = building.in_doubt(**fields)
    answer = review(building.draft(author, **fields), author)
    assert f"{flat} is advertised already, by order {runs} (published), and is also in" in warned(answer)[-1]
    assert warned(answer)[-1].endswith(f"order {doubtful} (in doubt) and order {waits} (awaiting approval).")


def test_what_no_longer_holds_leads_to_its_field_and_the_button_is_not_offered(author: User) -> None:
    order = building.draft()
    Listing.objects.update(active=False)
    Plan.objects.update(active=False)
    answer = review(order, author)
    edit_page = f"/admin/campaigns/order/{order.pk}/edit/"
    assert [(fault["field"], fault["url"]) for fault in answer.context["faults"]] == [
        ("Plan", f"{edit_page}#id_plan"),
        ("Listings", f"{edit_page}#id_listings"),
    ]
    assert f"Plan {order.plan} is not active. Choose another, or activate it." in html(answer)
    assert "novalidate" not in html(answer)
    form = html(building.client_of(author).get(edit_page))
    assert 'id="id_plan"' in form
    assert 'id="id_listings"' in form


def test_whoever_may_not_edit_is_told_what_is_wrong_without_a_link() -> None:
    order = building.draft()
    Plan.objects.update(active=False)
    answer = review(order, factories.make_user("sender", "view_order", "submit_order"))
    assert [fault["url"] for fault in answer.context["faults"]] == [""]
    assert "Nothing can leave until somebody who may edit the order has mended this." in html(answer)


def test_a_draft_whose_campaigns_run_already_can_not_leave_again(author: User) -> None:
    order = building.rejected()
    Campaign.objects.create(
        tracking_id="queue_1",
        order=order,
        attempt=order.attempts.get(),
        branch=order.branch,
        created_at=timezone.now(),
        check_interval=timedelta(minutes=1),
    )
    orders.return_to_draft(order.pk, order.version, user=author, now=timezone.now())
    client = building.client_of(author)
    answer = client.get(page(order, "submit"), follow=True)
    assert answer.redirect_chain == [(page(order, "change"), 302)]
    assert TAKEN in html(answer)
    assert "submit" not in [button["deed"].name for button in answer.context["buttons"]]
    answer = client.post(page(order, "submit"), {"version": order.version + 1})
    assert answer.status_code == 409
    assert "submitting it again would spend the money twice" in html(answer)


def test_a_start_that_has_passed_keeps_the_approver_from_approving(second: User) -> None:
    order = building.awaiting_approval(start_at=timezone.now() + timedelta(hours=2), end_at=None)
    client = building.client_of(second)
    with time_machine.travel(timezone.now() + timedelta(hours=3)):
        answer = client.get(page(order, "approve"))
    assert "is in the past" in answer.context["faults"][0]["words"]
    assert answer.context["remedy"] == "Reject the order with a comment, so that its author can mend it."
    assert "novalidate" not in html(answer)


def test_the_approver_sees_who_wrote_it_and_the_same_review(author: User, second: User) -> None:
    order = building.awaiting_approval(author)
    answer = review(order, second, "approve")
    assert answer.context["button"] == "Approve and publish 1 listing, 1,500.00 ZAR"
    assert pairs(answer, "people")["Written by"].startswith("author built it, ")
    assert pairs(answer, "people")["Submitted"].startswith("author, ")
    assert "drops the approval" in answer.context["says"]
    assert "submitted_before" not in answer.context


def test_whoever_wrote_it_sees_why_they_can_not_approve_it_and_no_button(second: User) -> None:
    writer = factories.make_user("writer", *building.EVERYTHING)
    order = building.awaiting_approval(writer)
    text = html(review(order, writer, "approve"))
    assert "nobody approves what they wrote: somebody else must. Who can: second." in text
    assert "novalidate" not in text


def test_the_approver_sees_what_changed_since_it_was_submitted_before(author: User, second: User) -> None:
    order = building.awaiting_approval(author, budget_override=Decimal(2000))
    now, branch = timezone.now(), Order.objects.get().branch
    first, added, end = order.listings.get(), factories.make_listing(branch, title="Loft"), order.end_at
    order = orders.reject(order.pk, order.version, comment="Too dear.", user=second, now=now)
    order = edit(order, author, budget_override=Decimal(1900), end_at=None)
    order = edit(order, author, budget_override=Decimal(1800), listings=(added,), agent=None)
    order = orders.submit(order.pk, order.version, user=author, now=now)
    answer = review(order, second, "approve")
    assert list(pairs(answer, "changes").items()) == [
        ("Agent", f"{order.branch.agents.get().name} → none"),
        ("Listings", f"1 → 1; added: {added.title}; removed: {first.title}"),
        ("End", f"{look.when(end, branch.zone)} → none"),
        ("Budget override", "2,000.00 ZAR → 1,800.00 ZAR"),
    ]
    assert "author submitted the order for 2,000.00 ZAR; a second person must approve it." in html(answer)


def test_what_changed_and_why_it_was_sent_back_stand_before_all_else(author: User, second: User) -> None:
    order = building.awaiting_approval(author)
    order = orders.reject(order.pk, order.version, comment="Too <b>dear</b>.", user=second, now=timezone.now())
    order = edit(order, author, budget_override=Decimal(1800))
    order = orders.submit(order.pk, order.version, user=author, now=timezone.now())
    page = " ".join(html(review(order, second, "approve")).split())
    says = [
        f"Approve {order}",
        "Changed since it was submitted before",
        "→ 1,800.00 ZAR",
        "second did not approve the order: Too &lt;b&gt;dear&lt;/b&gt;.",
        "> What <",
    ]
    places = [page.index(words, page.index('id="content"')) for words in says]
    assert places == sorted(places)


def test_an_order_that_is_submitted_for_the_first_time_has_no_such_box(author: User, second: User) -> None:
    assert 'id="changed"' not in html(review(building.awaiting_approval(author), second, "approve"))


def test_what_was_changed_back_did_not_change(author: User, second: User) -> None:
    order = building.awaiting_approval(author)
    order = orders.return_to_draft(order.pk, order.version, user=author, now=timezone.now())
    order = edit(order, author, budget_override=Decimal(1800))
    order = edit(order, author, budget_override=None)
    order = orders.submit(order.pk, order.version, user=author, now=timezone.now())
    answer = review(order, second, "approve")
    assert answer.context["changes"] == []
    assert "Nothing was changed since it was submitted before" in html(answer)


def dry_run(order: Order, *, ok: bool = True) -> None:
    """Write what a dry run writes, without asking anybody."""
    data = {
        "ok": ok,
        "http_status": 200,
        "payload_sha256": dry_runs.sha256_of_request(order),
        "facts": [["Expected campaigns", "2"]],
        "answer": '{"expectedCampaigns": 2, "x": "<script>\u202e"}',
    }
    said = "would take it" if ok else "would refuse it"
    record(
        "order.dry_run", f"Dry run: Flow {said}.", now=timezone.now(), by=ActorKind.SCHEDULER, order=order, data=data
    )


def test_the_last_dry_run_is_shown_with_its_age(author: User) -> None:
    order = building.draft()
    assert "Flow has not been asked whether it would take this order." in html(review(order, author))
    dry_run(order, ok=False)
    assert "Flow would refuse it" in html(review(order, author))
    dry_run(order)
    answer = review(order, author)
    assert (answer.context["dry_run"]["age"], answer.context["dry_run"]["stale"]) == ("just now", False)
    assert "Flow would take it" in html(answer)


@pytest.mark.parametrize("page_of", ["submit", "change"])
def test_what_flow_said_is_told_in_words_and_its_answer_is_folded_away(author: User, page_of: str) -> None:
    order = building.draft()
    dry_run(order)
    text = html(building.client_of(author).get(page(order, page_of)))
    told, folded = text.split('<details class="mt-2">')
    assert "Expected campaigns" in told
    assert "expectedCampaigns" not in told
    assert (
        "&quot;expectedCampaigns&quot;: 2, &quot;x&quot;: &quot;&lt;script&gt;&quot;" in folded.split("</details>")[0]
    )
    assert "\u202e" not in text


def test_a_dry_run_goes_stale_at_an_edit_and_not_at_the_submission(author: User, second: User) -> None:
    order = building.draft(branch=factories.make_branch(approval_threshold=Decimal(1)))
    dry_run(order)
    edited = edit(order, author, budget_override=Decimal(1800))
    answer = review(edited, author)
    assert answer.context["dry_run"]["stale"] is True
    assert "Out of date" in html(answer)
    assert "Flow has not been asked about it as it is now." in html(answer)
    dry_run(Order.objects.get())
    submitted = orders.submit(edited.pk, edited.version, user=author, now=timezone.now())
    assert review(submitted, second, "approve").context["dry_run"]["stale"] is False


def test_the_review_changes_nothing(author: User) -> None:
    order = building.draft()
    review(order, author)
    assert building.kinds(order) == ["order.created"]
    assert (Order.objects.get().state, Order.objects.get().version) == ("draft", 1)


def test_the_review_asks_the_database_no_more_for_more_listings(author: User) -> None:
    branch = factories.make_branch()
    counts = []
    for number in (1, 8):
        listings = tuple(factories.make_listing(branch, status="sold") for _ in range(number))
        for listing in listings:
            building.queued(branch=branch, listings=(listing,))
        order, client = building.draft(branch=branch, listings=listings), building.client_of(author)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(page(order))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_another_branch_s_order_is_not_reviewed() -> None:
    order = building.draft()
    stranger = factories.make_user("stranger", *building.EVERYTHING, branches=[factories.make_branch()])
    client = building.client_of(stranger)
    assert client.get(page(order)).status_code == 404
    assert client.get(page(order, "approve")).status_code == 404
