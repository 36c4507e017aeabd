"""`cancel_campaigns`: ask Flow to cancel campaigns."""

from campaigns.domain.states import Action
from campaigns.management.asking import AskingCommand


class Command(AskingCommand):
    """Cancel campaigns."""

    action = Action.CANCEL
    help = "Ask Flow to cancel campaigns, and tell whether Flow's own status confirms it yet."
