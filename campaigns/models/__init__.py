"""The database's tables."""

from campaigns.models.attempts import Attempt
from campaigns.models.batches import Batch, BatchRow
from campaigns.models.branches import Agent, Branch
from campaigns.models.campaigns import Campaign
from campaigns.models.commands import Command
from campaigns.models.events import Event, HistoryHead
from campaigns.models.heartbeats import Heartbeat
from campaigns.models.listings import Listing
from campaigns.models.orders import Order, OrderListing, Reminder, Settlement
from campaigns.models.pace import Hold
from campaigns.models.plans import Plan

__all__ = [
    "Agent",
    "Attempt",
    "Batch",
    "BatchRow",
    "Branch",
    "Campaign",
    "Command",
    "Event",
    "Heartbeat",
    "HistoryHead",
    "Hold",
    "Listing",
    "Order",
    "OrderListing",
    "Plan",
    "Reminder",
    "Settlement",
]
