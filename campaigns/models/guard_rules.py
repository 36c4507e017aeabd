"""What the database itself refuses, as data; guards.py makes triggers of it.

The moves are those of domain/states.py. What a move needs is looked for in the rows that the services write before it: an open
attempt before a claim, its outcome before a result, a confirmed settlement before doubt ends.
"""

from typing import NamedTuple

from campaigns.domain.states import MOVES, OrderState, Outcome, Resolution

CONTENT = ("plan_id", "branch_id", "agent_id", "start_at", "end_at", "budget_override")
SOURCE = ("copied_from_id", "copied_how")
FROZEN = ("payload", "payload_sha256", "budget", "currency", "rehearsal")
SUBMISSION = ("submitted_by_id", "submitted_at")
APPROVAL = ("approved_by_id", "approved_at")
ANSWER = ("finished_at", "http_status", "words", "excerpt")
CLAIM = ("order_id", "number", "order_version", "payload_sha256", "worker", "claimed_at")
IDENTITY = ("id", "tracking_id", "order_id", "attempt_id")
WORD = ("order_id", "attempt_id", "resolution", "tracking_ids", "proposed_by_id")

ORDER, LINES, ATTEMPTS, SETTLEMENTS, CAMPAIGNS, EVENTS, HEAD = TABLES = tuple(
    f"campaigns_{name}"
    for name in ("order", "orderlisting", "attempt", "settlement", "campaign", "event", "historyhead")
)
DRAFT, AWAITING, QUEUED, PUBLISHING, PUBLISHED, REJECTED, UNKNOWN, CANCELLED = (
    OrderState[name].value
    for name in ("DRAFT", "AWAITING_APPROVAL", "QUEUED", "PUBLISHING", "PUBLISHED", "REJECTED", "UNKNOWN", "CANCELLED")
)
OPEN = Outcome.OPEN.value
LISTINGS_STAY = "the listings of a submitted order cannot be changed: return it to draft first"


class Rule(NamedTuple):
    """One guard: which deed on which table is refused when, and in which words."""

    name: str
    table: str
    deed: str
    when: str
    words: str


def rules(vendor: str) -> list[Rule]:
    """Return every guard on SQLite or PostgreSQL."""
    postgresql = vendor == "postgresql"
    # Either has its own null-safe “is not”, and its own way past the guards of rows.
    distinct = "IS DISTINCT FROM" if postgresql else "IS NOT"
    own_ways = _truncations() if postgresql else _replacements(distinct)
    return [*_orders(distinct), *_moves(distinct), *_lines(), *_attempts(distinct), *_evidence(distinct), *own_ways]


def _differs(columns: tuple[str, ...], distinct: str) -> str:
    return " OR ".join(f"NEW.{column} {distinct} OLD.{column}" for column in columns)


def _none(columns: tuple[str, ...]) -> str:
    return " AND ".join(f"NEW.{column} IS NULL" for column in columns)


def _orders(distinct: str) -> list[Rule]:
    fixed = "a submitted order cannot be changed: return it to draft first"
    becomes_draft = f"NEW.state = '{DRAFT}'"
    submits = f"OLD.state = '{DRAFT}' AND NEW.state <> '{DRAFT}'"
    approves = f"OLD.state = '{AWAITING}' AND NEW.state = '{QUEUED}'"
    return [
        Rule("guard_order_new", ORDER, "INSERT", f"NEW.state <> '{DRAFT}'", "an order begins as a draft"),
        Rule("guard_order_ref", ORDER, "UPDATE", "NEW.order_ref <> OLD.order_ref", "an order_ref never changes"),
        Rule(
            "guard_order_source",
            ORDER,
            "UPDATE",
            _differs(SOURCE, distinct),
            "what an order was copied from never changes",
        ),
        Rule(
            "guard_order_content", ORDER, "UPDATE", f"OLD.state <> '{DRAFT}' AND ({_differs(CONTENT, distinct)})", fixed
        ),
        Rule(
            "guard_order_payload",
            ORDER,
            "UPDATE",
            f"OLD.state <> '{DRAFT}' AND NOT ({becomes_draft}) AND ({_differs(FROZEN, distinct)})",
            fixed,
        ),
        Rule(
            "guard_order_submitter",
            ORDER,
            "UPDATE",
            f"NOT ({submits}) AND NOT ({becomes_draft} AND {_none(SUBMISSION)}) AND ({_differs(SUBMISSION, distinct)})",
            "who submitted an order, and when, cannot be changed",
        ),
        Rule(
            "guard_order_approver",
            ORDER,
            "UPDATE",
            f"NOT ({approves}) AND NOT ({becomes_draft} AND {_none(APPROVAL)}) AND ({_differs(APPROVAL, distinct)})",
            "who approved an order, and when, is written by the approval alone",
        ),
        Rule(
            "guard_order_delete",
            ORDER,
            "DELETE",
            f"OLD.state <> '{DRAFT}'",
            "a submitted order cannot be deleted: cancel it",
        ),
    ]


def _moves(distinct: str) -> list[Rule]:
    moves = "NEW.state <> OLD.state"
    pairs = sorted({(old.value, new.value) for paths in MOVES.values() for old, news in paths.items() for new in news})
    stays = f"NEW.state = OLD.state AND OLD.state <> '{DRAFT}'"
    in_table = " OR ".join(f"(OLD.state = '{old}' AND NEW.state = '{new}')" for old, new in pairs)
    submits = f"OLD.state = '{DRAFT}' AND NEW.state IN ('{AWAITING}', '{QUEUED}')"
    frozen = "NEW.payload <> '' AND NEW.payload_sha256 <> '' AND NEW.budget IS NOT NULL AND NEW.currency <> ''"
    approves = f"OLD.state = '{AWAITING}' AND NEW.state = '{QUEUED}'"
    by_another = f"NEW.approved_by_id IS NOT NULL AND NEW.approved_by_id {distinct} NEW.submitted_by_id"
    latest = f"number = (SELECT MAX(number) FROM {ATTEMPTS} WHERE order_id = NEW.id)"
    under_way = _attempt(f"outcome = '{OPEN}'")
    claim = f"outcome = '{OPEN}' AND order_version = NEW.version"
    results = {
        PUBLISHED: f"outcome = '{Outcome.PUBLISHED.value}'",
        REJECTED: f"{latest} AND outcome IN ('{Outcome.REJECTED.value}', '{Outcome.NOT_SENT.value}')",
        UNKNOWN: f"{latest} AND outcome = '{Outcome.UNKNOWN.value}'",
        QUEUED: f"{latest} AND outcome = '{Outcome.NOT_SENT.value}'",
    }
    result = " OR ".join(f"(NEW.state = '{new}' AND {condition})" for new, condition in results.items())
    said = {PUBLISHED: Resolution.LIVE, QUEUED: Resolution.NOT_LIVE, CANCELLED: Resolution.ABANDON}
    word = " OR ".join(f"(NEW.state = '{new}' AND resolution = '{says.value}')" for new, says in said.items())
    about_latest = f"attempt_id = (SELECT id FROM {ATTEMPTS} WHERE order_id = NEW.id AND {latest})"
    settled = f"{about_latest} AND confirmed_by_id IS NOT NULL AND ({word})"
    came_late = f"{latest} AND outcome = '{Outcome.PUBLISHED.value}' AND NEW.state = '{PUBLISHED}'"
    return [
        Rule("guard_order_move", ORDER, "UPDATE", f"{moves} AND NOT ({in_table})", "an order cannot make this move"),
        Rule(
            "guard_order_version",
            ORDER,
            "UPDATE",
            f"({moves} AND NEW.version <> OLD.version + 1) OR ({stays} AND NEW.version <> OLD.version)",
            "a move raises the version by one, and nothing else does: use the services",
        ),
        Rule(
            "guard_order_submission",
            ORDER,
            "UPDATE",
            f"{submits} AND NOT ({frozen} AND NEW.submitted_by_id IS NOT NULL AND NEW.approved_by_id IS NULL)",
            "somebody must submit this order, with what it asks for and what it costs",
        ),
        Rule(
            "guard_order_return",
            ORDER,
            "UPDATE",
            f"OLD.state <> '{DRAFT}' AND NEW.state = '{DRAFT}' "
            f"AND NOT (NEW.payload = '' AND {_none(SUBMISSION)} AND {_none(APPROVAL)})",
            "a draft was submitted and approved by nobody, and freezes nothing",
        ),
        Rule(
            "guard_order_approval",
            ORDER,
            "UPDATE",
            f"{approves} AND NOT ({by_another})",
            "somebody other than who submitted this order must approve it",
        ),
        Rule(
            "guard_order_claim",
            ORDER,
            "UPDATE",
            f"OLD.state = '{QUEUED}' AND NEW.state = '{PUBLISHING}' AND NOT {_attempt(claim)}",
            "an order is claimed with an open attempt",
        ),
        Rule(
            "guard_order_result",
            ORDER,
            "UPDATE",
            f"OLD.state = '{PUBLISHING}' AND {moves} AND ({under_way} OR NOT {_attempt(result)})",
            "what came of an attempt is recorded before the order moves on",
        ),
        Rule(
            "guard_order_doubt",
            ORDER,
            "UPDATE",
            f"OLD.state = '{UNKNOWN}' AND {moves} AND NOT ({_there_is(SETTLEMENTS, settled)} OR {_attempt(came_late)})",
            "an order in doubt must be settled first",
        ),
    ]


def _attempt(condition: str) -> str:
    return _there_is(ATTEMPTS, condition)


def _there_is(table: str, condition: str) -> str:
    return f"EXISTS (SELECT 1 FROM {table} WHERE order_id = NEW.id AND ({condition}))"


def _lines() -> list[Rule]:
    old, new = _submitted("OLD.order_id"), _submitted("NEW.order_id")
    return [
        Rule("guard_line_insert", LINES, "INSERT", new, LISTINGS_STAY),
        Rule("guard_line_update", LINES, "UPDATE", f"{old} OR {new}", LISTINGS_STAY),
        Rule("guard_line_delete", LINES, "DELETE", old, LISTINGS_STAY),
    ]


def _submitted(order_id: str) -> str:
    # By its key: the database would read all orders to know whether this one is among those with such a state.
    return f"EXISTS (SELECT 1 FROM {ORDER} WHERE {ORDER}.id = {order_id} AND state <> '{DRAFT}')"


def _attempts(distinct: str) -> list[Rule]:
    late = f"OLD.outcome = '{Outcome.UNKNOWN.value}' AND NEW.outcome = '{Outcome.PUBLISHED.value}'"
    waiting = (
        f"EXISTS (SELECT 1 FROM {ORDER} WHERE id = NEW.order_id "
        f"AND state = '{QUEUED}' AND version + 1 = NEW.order_version)"
    )
    its_campaigns = f"EXISTS (SELECT 1 FROM {CAMPAIGNS} WHERE attempt_id = NEW.id)"
    return [
        Rule(
            "guard_attempt_new",
            ATTEMPTS,
            "INSERT",
            f"NEW.outcome <> '{OPEN}' OR NEW.sent_at IS NOT NULL OR NOT {waiting}",
            "an attempt begins open, with nothing sent, for an order that is queued",
        ),
        Rule(
            "guard_attempt_update",
            ATTEMPTS,
            "UPDATE",
            f"OLD.sent_at IS NOT NULL AND NEW.sent_at {distinct} OLD.sent_at",
            "when an attempt began to send cannot be changed",
        ),
        Rule(
            "guard_attempt_claim",
            ATTEMPTS,
            "UPDATE",
            _differs(CLAIM, distinct),
            "who took which order for an attempt, and what was to be sent, cannot be changed",
        ),
        Rule(
            "guard_attempt_outcome",
            ATTEMPTS,
            "UPDATE",
            f"OLD.outcome <> '{OPEN}' AND (({_differs(ANSWER, distinct)}) "
            f"OR (NEW.outcome <> OLD.outcome AND NOT ({late} AND {its_campaigns})))",
            "what came of an attempt cannot be changed",
        ),
        Rule("guard_attempt_delete", ATTEMPTS, "DELETE", "1 = 1", "attempts cannot be deleted"),
    ]


def _evidence(distinct: str) -> list[Rule]:
    """Return the guards of what people settled, of what runs at Flow, and of history."""
    history = "history cannot be rewritten"
    settled = "what people said of an order in doubt cannot be changed"
    in_doubt = (
        f"EXISTS (SELECT 1 FROM {ORDER} JOIN {ATTEMPTS} ON {ATTEMPTS}.order_id = {ORDER}.id "
        f"WHERE {ORDER}.id = NEW.order_id AND {ATTEMPTS}.id = NEW.attempt_id AND state = '{UNKNOWN}')"
    )
    return [
        Rule(
            "guard_settlement_new",
            SETTLEMENTS,
            "INSERT",
            f"NOT {in_doubt}",
            "only an order in doubt can be settled, by its own attempt",
        ),
        Rule(
            "guard_settlement_update",
            SETTLEMENTS,
            "UPDATE",
            f"OLD.confirmed_by_id IS NOT NULL OR {_differs(WORD, distinct)}",
            settled,
        ),
        Rule("guard_settlement_delete", SETTLEMENTS, "DELETE", "1 = 1", settled),
        Rule(
            "guard_campaign_update",
            CAMPAIGNS,
            f"UPDATE OF {', '.join(IDENTITY)}",
            _differs(IDENTITY, distinct),
            "a tracking id stays with its order",
        ),
        Rule("guard_campaign_delete", CAMPAIGNS, "DELETE", "1 = 1", "campaigns cannot be deleted"),
        Rule("guard_event_update", EVENTS, "UPDATE", "1 = 1", history),
        Rule("guard_event_delete", EVENTS, "DELETE", "1 = 1", history),
        Rule("guard_head_update", HEAD, "UPDATE", "OLD.event_id >= NEW.event_id OR NEW.event_id IS NULL", history),
        Rule("guard_head_delete", HEAD, "DELETE", "1 = 1", history),
    ]


def _truncations() -> list[Rule]:
    words = "orders, their listings, attempts, campaigns and history cannot be emptied"
    names = {
        "order": ORDER,
        "line": LINES,
        "attempt": ATTEMPTS,
        "settlement": SETTLEMENTS,
        "campaign": CAMPAIGNS,
        "event": EVENTS,
        "head": HEAD,
    }
    return [Rule(f"guard_{name}_truncate", table, "TRUNCATE", "1 = 1", words) for name, table in names.items()]


def _replacements(distinct: str) -> list[Rule]:
    """Return the guards against OR REPLACE, which takes rows with the same key away without asking those of DELETE."""
    same = "id = NEW.id"
    order = f"{same} OR order_ref = NEW.order_ref"
    alone = f"outcome = NEW.outcome AND outcome IN ('{OPEN}', '{Outcome.PUBLISHED.value}')"
    attempt = f"{same} OR (order_id = NEW.order_id AND (number = NEW.number OR ({alone})))"
    history = "history cannot be rewritten"
    tables = (
        ("order", ORDER, order, "there is such an order already"),
        ("line", LINES, f"{same} AND {_submitted('order_id')}", LISTINGS_STAY),
        ("attempt", ATTEMPTS, attempt, "there is such an attempt already"),
        ("settlement", SETTLEMENTS, same, "there is such a settlement already"),
        ("event", EVENTS, same, history),
        ("head", HEAD, same, history),
    )
    # An upsert of what Flow told passes here as well, with the same identity.
    others = " OR ".join(f"{column} {distinct} NEW.{column}" for column in IDENTITY)
    campaign = f"({same} AND ({others})) OR (id <> NEW.id AND tracking_id = NEW.tracking_id)"
    return [
        *(
            rule
            for name, table, key, words in tables
            for rule in (
                Rule(f"guard_{name}_replace", table, "INSERT", _taken(table, key), words),
                Rule(f"guard_{name}_oust", table, "UPDATE", _taken(table, f"id <> OLD.id AND ({key})"), words),
            )
        ),
        Rule(
            "guard_campaign_replace",
            CAMPAIGNS,
            "INSERT",
            _taken(CAMPAIGNS, campaign),
            "there is such a campaign already",
        ),
    ]


def _taken(table: str, key: str) -> str:
    return f"EXISTS (SELECT 1 FROM {table} WHERE {key})"
