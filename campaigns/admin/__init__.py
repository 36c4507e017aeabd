"""The admin: shows and asks. Every rule is kept, and every change made, by the services."""

from campaigns.admin import (
    attempts,
    batches,
    branches,
    campaigns,
    commands,
    events,
    listings,
    orders,
    plans,
    schedule,
    users,
)

__all__ = [
    "attempts",
    "batches",
    "branches",
    "campaigns",
    "commands",
    "events",
    "listings",
    "orders",
    "plans",
    "schedule",
    "users",
]
