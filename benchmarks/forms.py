"""Row `forms`: the pages of an order with 100,000 listings and agents to choose from; beside it, stock selects."""

import json
import os
import sys
from typing import Any

from benchmarks import pages
from benchmarks.stage import Stage

SMALL, LARGE = 10_000, 1_000_000
LISTINGS = {SMALL: 1_000, LARGE: 100_000}
GROWTH, QUERIES = 1.3, 30


def measure(stage: Stage) -> str:
    """Return the row's section."""
    lines, is_met = [], True
    for database, filled in {"PostgreSQL": stage.postgresql, "SQLite": stage.sqlite}.items():
        found: dict[int, Any] = {}
        for size in (SMALL, LARGE):
            with filled(size) as address:
                found[size] = stage.run("benchmarks.forms", DATABASE_URL=address)
                stock = stage.run("benchmarks.forms", "stock", DATABASE_URL=address)
            for page, ours in found[size].items():
                growth = ours["ms"] / found[SMALL][page]["ms"]
                is_met &= ours["queries"] <= QUERIES and growth <= GROWTH
                beside = stock.get(page)
                faster = f"{beside['ms'] / ours['ms']:.1f} ×" if beside else "–"
                peer = f"{beside['ms']:.0f} | {beside['bytes'] / 1024:,.0f}" if beside else "– | –"
                lines.append(
                    f"| {faster} | {growth:.2f} × | {database} | {LISTINGS[size]:,} | {page} | {ours['queries']:.0f} | "
                    f"{ours['ms']:.0f} | {ours['bytes'] / 1024:,.0f} | {peer} |"
                )
    return "\n".join(
        [
            "## forms: an order among 100,000 listings and agents",
            "",
            "| faster by | against 1,000 | database | listings | page | queries | ours, ms | KB | stock, ms | KB |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *lines,
            "",
            "Stock is Unfold's own form of an order with its selects of branches, agents and plans, without the listings, of "
            "which each line would have another select. The goals: the time stays the "
            f"same (at most {GROWTH} ×) with a hundred times as many rows, and at most {QUERIES} queries: "
            f"{'met' if is_met else 'missed'}. The choices are asked for with a word that every agent, and every tenth "
            "listing, of all branches has: the worst of words for an index that knows words and no branches.",
        ]
    )


def main(arguments: list[str]) -> None:
    """Print the times of the pages, of our admin or of the stock one."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowsite.settings")
    is_stock = arguments == ["stock"]
    pages.set_up(stock=is_stock)
    from campaigns.models import Order

    draft, orders = Order.objects.filter(state="draft").latest("pk"), "/admin/campaigns/order/"
    choice = f"/admin/autocomplete/?app_label=campaigns&model_name=order&branch={draft.branch_id}&field_name="
    asked = {"add": f"{orders}add/", "edit": f"{orders}{draft.pk}/{'change' if is_stock else 'edit'}/"}
    if not is_stock:
        asked |= {
            "look": f"{orders}{draft.pk}/change/",
            "choose a listing": f"{choice}listings&term=flat",
            "choose an agent": f"{choice}agent&term=agent",
        }
    client, runs = pages.client_of("root"), pages.RUNS
    print(json.dumps({page: pages.visit(client, address, runs) for page, address in asked.items()}))


if __name__ == "__main__":
    main(sys.argv[1:])
