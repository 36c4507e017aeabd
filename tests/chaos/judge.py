"""The judge: after every case, Flow's own ledger and the console's books must tell one story."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from tests.chaos.facts import TOKEN
from tests.processes.site import API_KEY, Site
from tests.processes.stacks import BROKER_PASSWORD, DATABASE_PASSWORD

Ledger = Mapping[str, Sequence[Sequence[str]]]
Facts = dict[str, Any]

FINAL = frozenset({"published", "cancelled"})
VISIBLE = frozenset({"draft", "awaiting_approval", "rejected", "unknown"})


def ledger_of(site: Site) -> dict[str, list[tuple[str, ...]]]:
    """Return each accepted publish of the console's own sandbox, by order_ref: the tracking ids that it gave."""
    ledger: dict[str, list[tuple[str, ...]]] = {}
    for publish in site.sandbox.ledger()["publishes"]:
        ledger.setdefault(publish["orderRef"], []).append(tuple(publish["campaign_tracking_ids"]))
    return ledger


def judge(
    site: Site,
    prefix: str,
    *,
    ledger: Ledger | None = None,
    settled: Collection[str] = (),
    secrets: Sequence[str] = (),
) -> dict[str, Facts]:
    """Assert every promise for all orders whose ref begins with the prefix, once the dust has settled; return their facts.

    `ledger` is what Flow accepted by order_ref, the sandbox's own unless given. `settled` are orders that people settled
    otherwise than Flow knows: they may be published twice, or live without our knowing. `secrets` are further texts that
    may be seen nowhere.
    """
    everything = [API_KEY, site.env["SECRET_KEY"], DATABASE_PASSWORD, BROKER_PASSWORD, *secrets]
    facts = site.desk("tests.chaos.facts.gather", prefix=prefix, secrets=everything)
    books = ledger_of(site) if ledger is None else ledger
    orders: dict[str, Facts] = facts["orders"]
    assert orders, f"no order begins with {prefix}: there is nothing to judge"
    wrong = [problem for ref in orders for problem in problems(ref, orders[ref], books.get(ref, ()), ref in settled)]
    assert not wrong, "\n".join(wrong)
    strangers = {ref for ref in books if ref.startswith(prefix)} - set(orders)
    assert not strangers, f"Flow published orders that the console does not know: {sorted(strangers)}"
    assert not facts["broken"], facts["broken"]
    seen = [*facts["secrets"], *secrets_in(site.logs(), everything)]
    assert not seen, f"secrets can be seen: {seen}"
    return orders


def problems(ref: str, order: Facts, publishes: Sequence[Sequence[str]], settled: bool) -> Iterator[str]:
    """Yield every promise that is broken for an order, with all that is known of it."""
    known = f"{ref}: {order}; Flow published {list(publishes)}"
    ours, at_flow = set(order["tracking_ids"]), {tracking_id for ids in publishes for tracking_id in ids}
    if len(publishes) > 1 and not settled:
        yield f"published {len(publishes)} times: {known}"
    if not (order["state"] in FINAL | VISIBLE or (order["state"] == "queued" and order["has_turn"])):
        yield f"lost, neither at its end nor in a queue that anybody sees: {known}"
    if order["overdue"]:
        yield f"an attempt is open after its lease: {known}"
    if ours - at_flow:
        yield f"campaigns that Flow never gave for this order: {known}"
    if at_flow - ours and order["state"] != "unknown" and not settled:
        yield f"money is spent that the console does not know of: {known}"
    if order["state"] == "published" and not ours:
        yield f"published without a campaign: {known}"
    if order["version"] - 1 != order["moves"]:
        yield f"a move without its line of history, or a line without its move: {known}"


def secrets_in(text: str, secrets: Sequence[str]) -> list[str]:
    """Return what must not be seen in a text and is: access tokens by their look, the others by value."""
    found = [f"{secret[:3]}… in a log" for secret in secrets if secret in text]
    return [*found, *(["an access token in a log"] if TOKEN.search(text) else [])]
