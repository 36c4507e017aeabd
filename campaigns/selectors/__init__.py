"""Reads: what pages, commands and tasks look at. Nothing here writes."""

from campaigns.selectors.alerts import alert_channels, alerts_for, concerned, stuck_orders, unread_alerts
from campaigns.selectors.approvals import Terms, Threshold, approvals_for, money_of, terms_of, threshold_of
from campaigns.selectors.budgets import MonthlyBudget, committed_orders, monthly_budget
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
from campaigns.selectors.reviews import (
    Changes,
    changes_since_submission,
    last_dry_run,
    listings_elsewhere,
    listings_gone,
    written_by,
)
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
from campaigns.selectors.timeline import SORTS, TimelinePage, attempts_told_of, timeline
from campaigns.selectors.views import views_for

__all__ = [
    "CAMPAIGN_NEEDS",
    "LONGEST_WAIT",
    "ORDER_NEEDS",
    "SORTS",
    "Changes",
    "MonthlyBudget",
    "Sign",
    "Terms",
    "Threshold",
    "TimelinePage",
    "agents_for",
    "alert_channels",
    "alerts_for",
    "approvals_for",
    "attempts_for",
    "attempts_told_of",
    "branches_for",
    "campaign_page",
    "campaigns_for",
    "changes_since_submission",
    "commands_for",
    "committed_orders",
    "concerned",
    "count_needs",
    "doubt_queue",
    "due_campaigns",
    "due_orders",
    "events_for",
    "held_until",
    "history",
    "in_doubt",
    "last_dry_run",
    "last_words",
    "listings_elsewhere",
    "listings_for",
    "listings_gone",
    "money_in_doubt",
    "money_of",
    "monthly_budget",
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
    "stuck_orders",
    "terms_of",
    "threshold_of",
    "timeline",
    "unread_alerts",
    "views_for",
    "words_on_other_doubts",
    "works_everywhere",
    "works_for",
    "writers",
    "written_by",
]
