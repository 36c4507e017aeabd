"""`resume_campaigns`: ask Flow to resume campaigns."""

from campaigns.domain.states import Action
from campaigns.management.asking import AskingCommand


class Command(AskingCommand):
    """Resume campaigns."""

    action = Action.RESUME
    help = "Ask Flow to resume campaigns, and tell whether Flow's own status confirms it yet."
