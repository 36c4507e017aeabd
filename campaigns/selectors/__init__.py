"""Reads: what pages, commands and tasks look at. Nothing here writes."""

from campaigns.selectors.batches import batch_counts, batch_reasons, batch_rows
from campaigns.selectors.doubts import (
    doubt_queue,
    in_doubt,
    last_words,
    money_in_doubt,
    own_proposal,
    proposals_of_others,
    reminded,
    words_on_other_doubts,
)
from campaigns.selectors.due import (
    LONGEST_WAIT,
    due_campaigns,
    due_orders,
    held_until,
    overdue_orders,
)
from campaigns.selectors.needs import CAMPAIGN_NEEDS, ORDER_NEEDS, count_needs
from campaigns.selectors.pages import campaign_page, history, nothing_yet, open_command, order_page
from campaigns.selectors.people import people_who_may, writers
from campaigns.selectors.scope import (
    agents_for,
    attempts_for,
    batches_for,
    branches_for,
    campaigns_for,
    commands_for,
    events_for,
    listings_for,
    orders_for,
    works_everywhere,
    works_for,
)
from campaigns.selectors.signs import Sign, signs_of_life

__all__ = [
    "CAMPAIGN_NEEDS",
    "LONGEST_WAIT",
    "ORDER_NEEDS",
    "Sign",
    "agents_for",
    "attempts_for",
    "batch_counts",
    "batch_reasons",
    "batch_rows",
    "batches_for",
    "branches_for",
    "campaign_page",
    "campaigns_for",
    "commands_for",
    "count_needs",
    "doubt_queue",
    "due_campaigns",
    "due_orders",
    "events_for",
    "held_until",
    "history",
    "in_doubt",
    "last_words",
    "listings_for",
    "money_in_doubt",
    "nothing_yet",
    "open_command",
    "order_page",
    "orders_for",
    "overdue_orders",
    "own_proposal",
    "people_who_may",
    "proposals_of_others",
    "reminded",
    "signs_of_life",
    "words_on_other_doubts",
    "works_everywhere",
    "works_for",
    "writers",
]
