from html.parser import HTMLParser

import pytest
import requests

from tests.sandbox.conftest import TIMEOUT, Caller
from tests.sandbox_process import Sandbox


class Outline(HTMLParser):
    """Collects what a page must get right: headings, controls outside a label, and ids."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.unlabelled: list[dict[str, str | None]] = []
        self.forms: list[dict[str, str | None]] = []
        self.scripts = 0
        self._labels = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._labels += tag == "label"
        self.scripts += tag == "script"
        if tag in {"h1", "h2"}:
            self.headings.append(tag)
        if tag == "form":
            self.forms.append(dict(attrs))
        if tag == "input" and dict(attrs).get("type") != "hidden" and not self._labels:
            self.unlabelled.append(dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        self._labels -= tag == "label"


def page(sandbox: Sandbox) -> str:
    response = requests.get(f"{sandbox.url}/", timeout=TIMEOUT)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    return response.text


def send_form(sandbox: Sandbox, headers: dict[str, str] | None = None, **fields: object) -> requests.Response:
    address = f"{sandbox.url}/sandbox/faults"
    return requests.post(address, data=fields, headers=headers, timeout=TIMEOUT, allow_redirects=False)


def test_it_says_loudly_that_it_is_not_flow(sandbox: Sandbox) -> None:
    html = page(sandbox)

    assert "<title>SANDBOX, not Flow</title>" in html
    assert "<h1>SANDBOX</h1>" in html
    assert "This is not Flow. No money is spent, nothing is advertised." in html
    assert "Nothing was published yet." in html


def test_it_is_built_for_everybody(sandbox: Sandbox, caller: Caller) -> None:
    caller.published_id()
    sandbox.set_fault("late")
    outline = Outline(page(sandbox))

    assert outline.headings[0] == "h1"
    assert outline.headings.count("h1") == 1
    assert outline.unlabelled == []
    assert outline.scripts == 0
    assert {form["method"] for form in outline.forms} == {"post"}


def test_its_style_sheet_is_its_own(sandbox: Sandbox) -> None:
    response = requests.get(f"{sandbox.url}/page.css", timeout=TIMEOUT)

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/css; charset=utf-8"


def test_it_lists_what_was_published_and_commanded(quick_sandbox: Sandbox, quick_caller: Caller) -> None:
    tracking_id = quick_caller.published_id(orderRef="Order-77")
    quick_caller.command(tracking_id, status="paused", reason="Client on holiday")
    html = page(quick_sandbox)

    assert "Published: 1" in html
    assert "Order-77" in html
    assert f"<code>{tracking_id}</code>" in html
    assert "<b>paused</b>" in html
    assert "Client on holiday" in html
    assert "MORE THAN ONCE" not in html


def test_it_shouts_about_an_order_published_twice(sandbox: Sandbox, caller: Caller) -> None:
    for ref in ("Order-1", "Order-2", "Order-2"):
        caller.published_id(orderRef=ref)
    html = page(sandbox)

    assert "PUBLISHED MORE THAN ONCE" in html
    assert "<li>Order-2: 2 times</li>" in html
    assert html.count("REPEAT no. 2") == 1
    assert "<li>Order-1" not in html


def test_what_callers_send_is_shown_as_text(sandbox: Sandbox, caller: Caller) -> None:
    evil = "<script>alert('x')</script>\"'&"
    tracking_id = caller.published_id(orderRef=evil, planRef=evil, branchId=evil, listingExternalIds=[evil])
    caller.published_id(orderRef=evil)
    caller.command(tracking_id, status="paused", reason=evil)
    sandbox.set_fault("too_many_requests", retry_after='"><script>')
    html = page(sandbox)

    assert Outline(html).scripts == 0
    assert html.count("&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&quot;&#x27;&amp;") == 7


def test_a_form_sets_a_fault_and_leads_back(sandbox: Sandbox) -> None:
    response = send_form(
        sandbox, action="set", fault="server_error_before", calls=["publish", "status"], count="3", status="503"
    )

    assert (response.status_code, response.headers["Location"]) == (303, "/")
    (fault,) = sandbox.faults()
    assert (fault["fault"], fault["calls"], fault["count"], fault["status"]) == (
        "server_error_before",
        ["publish", "status"],
        3,
        503,
    )
    assert "server_error_before: SET, 3 left, on publish, status" in page(sandbox)


def test_a_form_can_set_a_fault_until_it_is_cleared(sandbox: Sandbox) -> None:
    send_form(sandbox, action="set", fault="late", calls="token", count="1", until_cleared="yes", seconds="2.5")

    (fault,) = sandbox.faults()
    assert (fault["count"], fault["seconds"], fault["calls"]) == (None, 2.5, ["token"])
    assert "late: SET, until cleared" in page(sandbox)


def test_forms_clear_one_fault_or_all(sandbox: Sandbox) -> None:
    for name in ("late", "forbidden", "unauthorised"):
        sandbox.set_fault(name)

    send_form(sandbox, action="clear", fault="late", count="1", seconds="10")
    assert [fault["fault"] for fault in sandbox.faults()] == ["forbidden", "unauthorised"]
    send_form(sandbox, action="clear")
    assert sandbox.faults() == []


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_form_on_another_web_page_changes_nothing(sandbox: Sandbox, origin: str) -> None:
    response = send_form(sandbox, {"Origin": origin}, action="set", fault="late", calls="publish")

    assert response.status_code == 403
    assert sandbox.faults() == []


def test_its_own_form_is_taken(sandbox: Sandbox) -> None:
    assert send_form(sandbox, {"Origin": sandbox.url}, action="set", fault="late", calls="publish").status_code == 303


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1"])
def test_another_name_that_leads_here_is_refused(sandbox: Sandbox, host: str) -> None:
    assert send_form(sandbox, {"Host": host}, action="set", fault="late", calls="publish").status_code == 421
    assert sandbox.faults() == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "[::1]:8100"])
def test_every_loopback_name_is_taken(sandbox: Sandbox, host: str) -> None:
    assert requests.get(f"{sandbox.url}/", headers={"Host": host}, timeout=TIMEOUT).status_code == 200


@pytest.mark.parametrize("fields", [{"calls": "publish"}, {"action": "set"}])
def test_a_form_that_lacks_something_is_refused(sandbox: Sandbox, fields: dict[str, str]) -> None:
    assert send_form(sandbox, None, fault="late", **fields).status_code == 400
    assert sandbox.faults() == []
