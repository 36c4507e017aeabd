"""`pause_campaigns`: ask Flow to pause campaigns."""

from campaigns.domain.states import Action
from campaigns.management.asking import AskingCommand


class Command(AskingCommand):
    """Pause campaigns."""

    action = Action.PAUSE
    help = "Ask Flow to pause campaigns, and tell whether Flow's own status confirms it yet."
