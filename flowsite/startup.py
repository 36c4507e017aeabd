"""What every long-lived process does before its first piece of work."""

import sys

import django
from django.core import checks

WRONG_SETTINGS = 3  # gunicorn gives up on this code, where it would start a new worker again and again on any other


def refuse_wrong_settings() -> None:
    """Exit with the list of what is wrong, and how to mend it, unless every system check passes."""
    django.setup()
    errors = [found for found in checks.run_checks() if found.is_serious() and not found.is_silenced()]
    if errors:
        words = ["This process does not start, because of its settings:", *map(str, errors)]
        sys.stderr.write("\n\n".join(words) + "\n")
        sys.exit(WRONG_SETTINGS)
