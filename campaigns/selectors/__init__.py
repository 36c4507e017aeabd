"""Reads: what pages, commands and tasks look at. Nothing here writes."""

from campaigns.selectors.budgets import add_up, committed, nearly_spent
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
from campaigns.selectors.figures import (
    Figure,
    WeekSum,
    by_phase,
    committed_by_week,
    figure_of_campaigns,
    figure_of_orders,
)
from campaigns.selectors.needs import BRANCH_NEEDS, CAMPAIGN_NEEDS, ORDER_NEEDS, Need
from campaigns.selectors.pages import campaign_page, history, nothing_yet, open_command, order_page
from campaigns.selectors.people import approvals_for, people_who_may, writers
from campaigns.selectors.scope import (
    agents_for,
    attempts_for,
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
    "BRANCH_NEEDS",
    "CAMPAIGN_NEEDS",
    "LONGEST_WAIT",
    "ORDER_NEEDS",
    "Figure",
    "Need",
    "Sign",
    "WeekSum",
    "add_up",
    "agents_for",
    "approvals_for",
    "attempts_for",
    "branches_for",
    "by_phase",
    "campaign_page",
    "campaigns_for",
    "commands_for",
    "committed",
    "committed_by_week",
    "doubt_queue",
    "due_campaigns",
    "due_orders",
    "events_for",
    "figure_of_campaigns",
    "figure_of_orders",
    "held_until",
    "history",
    "in_doubt",
    "last_words",
    "listings_for",
    "money_in_doubt",
    "nearly_spent",
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
