"""The judge: after every case, Flow's own ledger and the console's books must tell one story."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from tests.chaos.facts import TOKEN
from tests.processes.site import API_KEY, Site
from tests.processes.stacks import BROKER_PASSWORD, DATABASE_PASSWORD

Ledger = Mapping[str, Sequence[Sequence[str]]]
Statuses = Mapping[str, tuple[str, float]]
"""Flow's own word of each campaign that it knows, and since when (seconds since 1970)."""
Facts = dict[str, Any]

FINAL = frozenset({"published", "cancelled"})
VISIBLE = frozenset({"draft", "awaiting_approval", "rejected", "unknown"})
KNOWN = ". Known of it: "


def ledger_of(site: Site) -> dict[str, list[tuple[str, ...]]]:
    """Return each accepted publish of the console's own sandbox, by order_ref: the tracking ids that it gave."""
    ledger: dict[str, list[tuple[str, ...]]] = {}
    for publish in site.sandbox.ledger()["publishes"]:
        ledger.setdefault(publish["orderRef"], []).append(tuple(publish["campaign_tracking_ids"]))
    return ledger


def statuses_of(site: Site) -> dict[str, tuple[str, float]]:
    """Return the status of each campaign at the console's own sandbox, where a campaign is live from its beginning."""
    found: dict[str, tuple[str, float]] = {}
    ledger = site.sandbox.ledger()
    for publish in ledger["publishes"]:
        found |= dict.fromkeys(publish["campaign_tracking_ids"], ("active", _seconds(publish["at"])))
    for command in ledger["commands"]:
        if command["outcome"] == "done" and found[command["tracking_id"]][0] != "cancelled":
            found[command["tracking_id"]] = (command["status"], _seconds(command["at"]))
    return found


def judge(
    site: Site,
    prefix: str,
    *,
    ledger: Ledger | None = None,
    statuses: Statuses | None = None,
    settled: Collection[str] = (),
    secrets: Sequence[str] = (),
) -> dict[str, Facts]:
    """Assert every promise for all orders whose ref begins with the prefix, once the dust has settled; return their facts.

    `ledger` is what Flow accepted by order_ref, and `statuses` its own word of each campaign, the sandbox's own unless given.
    `settled` are orders that people settled otherwise than Flow knows: they may be published twice, or live without our
    knowing. `secrets` are further texts that may be seen nowhere.
    """
    everything = [API_KEY, site.env["SECRET_KEY"], DATABASE_PASSWORD, BROKER_PASSWORD, *secrets]
    facts = site.desk("tests.chaos.facts.gather", prefix=prefix, secrets=everything)
    books = ledger_of(site) if ledger is None else ledger
    words = statuses_of(site) if statuses is None else statuses
    phases = site.desk("tests.chaos.facts.phases_of", words=sorted({word for word, _ in words.values()}))
    at_flow = {tracking_id: (phases[word], since) for tracking_id, (word, since) in words.items()}
    orders: dict[str, Facts] = facts["orders"]
    assert orders, f"no order begins with {prefix}: there is nothing to judge"
    wrong = []
    for ref, order in orders.items():
        known = f"{order}; Flow published {list(books.get(ref, ()))}"
        found = [*problems(order, books.get(ref, ()), ref in settled), *problems_of_campaigns(order, at_flow)]
        wrong += [f"{ref}: {problem}{KNOWN}{known}" for problem in found]
    assert not wrong, "\n".join(wrong)
    strangers = {ref for ref in books if ref.startswith(prefix)} - set(orders)
    assert not strangers, f"Flow published orders that the console does not know: {sorted(strangers)}"
    assert not facts["broken"], facts["broken"]
    seen = [*facts["secrets"], *secrets_in(site.logs(), everything)]
    assert not seen, f"secrets can be seen: {seen}"
    return orders


def problems(order: Facts, publishes: Sequence[Sequence[str]], settled: bool) -> Iterator[str]:
    """Yield every promise that is broken for an order."""
    ours, at_flow = set(order["tracking_ids"]), {tracking_id for ids in publishes for tracking_id in ids}
    if len(publishes) > 1 and not settled:
        yield f"published {len(publishes)} times"
    if not (order["state"] in FINAL | VISIBLE or (order["state"] == "queued" and order["has_turn"])):
        yield "lost, neither at its end nor in a queue that anybody sees"
    if order["overdue"]:
        yield "an attempt is open after its lease"
    if ours - at_flow:
        yield f"campaigns that Flow never gave for this order: {sorted(ours - at_flow)}"
    if at_flow - ours and order["state"] != "unknown" and not settled:
        yield f"money is spent that the console does not know of: {sorted(at_flow - ours)}"
    if order["state"] == "published" and not ours:
        yield "published without a campaign"
    yield from order["untrue"]


def problems_of_campaigns(order: Facts, at_flow: Mapping[str, tuple[str, float]]) -> Iterator[str]:
    """Yield every promise that is broken for an order's campaigns and their commands; `at_flow` is Flow's own phase of each."""
    for tracking_id, campaign in order["campaigns"].items():
        for problem in campaign["untrue"]:
            yield f"campaign {tracking_id}: {problem}"
        for action in campaign["lost"]:
            yield f"campaign {tracking_id}: the {action} is open, and nobody will ask Flow about it"
        phase, since = at_flow.get(tracking_id, (campaign["phase"], 0.0))
        if campaign["at_rest"] and campaign["checked_at"] > since and campaign["phase"] != phase:
            yield f"campaign {tracking_id} is {campaign['phase']}, and Flow's own status says {phase}"


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def secrets_in(text: str, secrets: Sequence[str]) -> list[str]:
    """Return what must not be seen in a text and is: access tokens by their look, the others by value."""
    found = [f"{secret[:3]}… in a log" for secret in secrets if secret in text]
    return [*found, *(["an access token in a log"] if TOKEN.search(text) else [])]
