"""The campaigns application."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CampaignsConfig(AppConfig):
    """Register the checks, and put the database's own guards in place after each migration."""

    name = "campaigns"
    verbose_name = "Campaigns"

    def ready(self) -> None:
        """Connect what Django can't find by itself."""
        from campaigns import checks  # noqa: F401 - importing it registers the checks
        from campaigns.models import guards

        post_migrate.connect(guards.install_after_migrate, sender=self)
