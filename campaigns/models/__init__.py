"""The database's tables."""

from campaigns.models.alerts import Alert, AlertChoice, AlertCursor
from campaigns.models.attempts import Attempt
from campaigns.models.batches import Batch, BatchRow
from campaigns.models.branches import Agent, Branch
from campaigns.models.campaigns import Campaign, PhaseCount
from campaigns.models.commands import Command
from campaigns.models.events import Event, HistoryHead
from campaigns.models.heartbeats import Heartbeat
from campaigns.models.import_files import ImportFile
from campaigns.models.listings import Listing
from campaigns.models.lookups import Begins
from campaigns.models.orders import Order, OrderListing, Reminder, Settlement
from campaigns.models.pace import Hold
from campaigns.models.plans import Plan
from campaigns.models.proposals import PauseProposal
from campaigns.models.saved_views import SavedView
from campaigns.models.templates import OrderTemplate

__all__ = [
    "Agent",
    "Alert",
    "AlertChoice",
    "AlertCursor",
    "Attempt",
    "Batch",
    "BatchRow",
    "Begins",
    "Branch",
    "Campaign",
    "Command",
    "Event",
    "Heartbeat",
    "HistoryHead",
    "Hold",
    "ImportFile",
    "Listing",
    "Order",
    "OrderListing",
    "OrderTemplate",
    "PauseProposal",
    "PhaseCount",
    "Plan",
    "Reminder",
    "SavedView",
    "Settlement",
]
