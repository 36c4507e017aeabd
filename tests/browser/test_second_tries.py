"""What did not work the first time: wrong rows of a file of orders, failed rows of a batch; on a desktop and on a phone."""

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from campaigns.models import Batch, BatchRow, Order
from campaigns.services import batch_running
from tests import factories
from tests.admin import building
from tests.browser.devices import SCREENS
from tests.browser.site import Site
from tests.services import batching

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def upload(page: Page, file: Path) -> None:
    page.get_by_label("CSV or XLSX file").set_input_files(file)
    page.get_by_role("button", name="Upload and look").click()


@SCREENS
def test_a_wrong_row_of_a_file_of_orders_is_downloaded_mended_and_uploaded_again(
    browser: Browser, live_server: Any, tmp_path: Path, screen: Any
) -> None:
    branch, plan = factories.make_branch(external_id="B1"), factories.make_plan()
    for each in ("L1", "L2"):
        factories.make_listing(branch, external_id=each)
    kept = building.draft(building.author("naledi"), branch=branch, plan=plan, agent=None)
    file = tmp_path / "orders.csv"
    rows = [
        "order_ref,plan,branch,listings,budget_override",
        f"{kept.order_ref},{plan.ref},B1,L1,750.00",
        f"SPRING-1,{plan.ref},B1,L1;L2,",
        f"SPRING-2,{plan.ref},B1,L9,",
    ]
    file.write_text("\n".join(rows))
    site = Site(browser, live_server.url, "naledi", viewport=screen, accept_downloads=True)
    page = site.go("/admin/campaigns/order/import/")
    site.judge()
    upload(page, file)
    page.get_by_role("link", name="Wrong 1").click()
    expect(page.get_by_text("L9").first).to_be_visible()
    site.judge()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the wrong rows").click()
    mended = tmp_path / "mended.csv"
    mended.write_text(Path(download.value.path()).read_text(encoding="utf-8-sig").replace("L9", "L2"))
    page.get_by_role("button", name="Import the 2 good rows").click()
    expect(page.get_by_text("1 new, 1 changed, 1 wrong row left out.")).to_be_visible()

    site.go("/admin/campaigns/order/import/")
    upload(page, mended)
    page.get_by_role("button", name="Import 1 row").click()
    expect(page.get_by_text("1 new, 0 changed.")).to_be_visible()
    drafts = Order.objects.order_by("order_ref").values_list("order_ref", "state")
    assert set(drafts) == {(ref, "draft") for ref in (kept.order_ref, "SPRING-1", "SPRING-2")}
    assert f"{Order.objects.get(pk=kept.pk).budget_override}" == "750.00"
    assert site.troubles == []


@SCREENS
def test_a_batch_goes_on_while_nobody_looks_and_what_failed_is_tried_again(
    browser: Browser, live_server: Any, monkeypatch: pytest.MonkeyPatch, screen: Any
) -> None:
    naledi = building.author("naledi")
    orders = [building.draft(naledi) for _ in range(3)]
    batch = batching.start("publish", *orders, user=naledi, now=timezone.now())
    site = Site(browser, live_server.url, "naledi", viewport=screen)
    page = site.go(f"/admin/campaigns/batch/{batch.pk}/change/")
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "0")
    site.judge()

    site.go("/admin/")
    with monkeypatch.context() as broken:
        broken.setattr("campaigns.services.batch_deeds.orders.submit", _fails)
        batch_running.run(batch.pk, stop_after=60)
    page.go_back()
    expect(page.get_by_text("Ended: 0 done, 0 skipped, 3 failed.").first).to_be_visible(timeout=15_000)
    expect(page.get_by_text("Load this page again")).to_have_count(0)  # the page has loaded itself anew
    site.judge()

    page.get_by_role("link", name="Try the failed ones again…").click()
    site.judge()
    page.get_by_role("button", name="Publish 3 orders, 4,500.00 ZAR").click()
    expect(page.get_by_text("0 of 3 rows")).to_be_visible()
    again = Batch.objects.get(again_of=batch)
    batch_running.run(again.pk, stop_after=60)
    expect(page.get_by_text("Ended: 3 done, 0 skipped, 0 failed.").first).to_be_visible(timeout=15_000)
    expect(page.get_by_text("Load this page again")).to_have_count(0)  # the page has loaded itself anew
    site.judge()
    assert set(BatchRow.objects.filter(batch=again).values_list("state", flat=True)) == {"done"}
    assert set(Order.objects.values_list("state", flat=True)) == {"queued"}
    assert site.troubles == []


def _fails(*_: Any, **__: Any) -> None:
    raise OSError("The disk is full.")
