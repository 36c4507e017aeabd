"""The end of the start: everything that a process lives with is imported."""

import gc

from django.apps import AppConfig

# Django imports this before the models and the admin, which stay: to look for garbage among them took a third of the start.
gc.disable()


class FlowsiteConfig(AppConfig):
    """The last of the apps: when it is ready, all of them are."""

    name = "flowsite"

    def ready(self) -> None:
        """Look for garbage from now on, and never again among what was imported: children share that with their parent."""
        gc.freeze()
        gc.enable()
