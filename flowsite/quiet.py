"""Keep the log readable: what is everyday needs a line, not a traceback."""

import logging

from django.core.exceptions import PermissionDenied


class PlainRefusals(logging.Filter):
    """Drop the traceback of a page that somebody may not see; the line with the address stays."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through."""
        if record.exc_info and isinstance(record.exc_info[1], PermissionDenied):
            record.exc_info = None
        return True
