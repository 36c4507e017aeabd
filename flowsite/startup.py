"""What every long-lived process does before its first piece of work."""

import sys

import django
from django.core import checks


def refuse_wrong_settings() -> None:
    """Exit with the list of what is wrong, and how to mend it, unless every system check passes."""
    django.setup()
    errors = [found for found in checks.run_checks() if found.is_serious() and not found.is_silenced()]
    if errors:
        sys.exit("\n\n".join(["This process does not start, because of its settings:", *map(str, errors)]))
