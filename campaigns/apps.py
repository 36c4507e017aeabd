"""The campaigns application."""

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate, pre_migrate

from campaigns.flow import remember


class CampaignsConfig(AppConfig):
    """Register the checks, and put the database's own guards in place after each migration."""

    name = "campaigns"
    verbose_name = "Campaigns"

    def ready(self) -> None:
        """Connect what Django can't find by itself, and let no secret be told from the first log line on."""
        from campaigns import checks  # noqa: F401 - importing it registers the checks
        from campaigns.models import guards, words

        pre_migrate.connect(guards.remove_before_migrate, sender=self)
        post_migrate.connect(guards.install_after_migrate, sender=self)
        post_migrate.connect(words.install_after_migrate, sender=self)
        for secret in settings.SECRETS:
            remember(secret)
