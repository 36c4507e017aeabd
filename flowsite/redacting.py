"""Keep secrets out of logs and error pages: the API key rides in a query string, so it is removed by value."""

import logging

from django.utils.safestring import SafeString, mark_safe
from django.views.debug import ExceptionReporter

from campaigns.flow.redaction import redact


class RedactingFormatter(logging.Formatter):
    """Format a log record, traceback included, without any secret in it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the formatted record with every secret replaced."""
        return redact(super().format(record))


class RedactingReporter(ExceptionReporter):
    """Report an exception, with its frames' variables, without any secret in it."""

    def get_traceback_html(self) -> SafeString:
        """Return the HTML report with every secret replaced."""
        return mark_safe(redact(super().get_traceback_html()))  # noqa: S308 - it was safe, and only lost text

    def get_traceback_text(self) -> SafeString:
        """Return the text report with every secret replaced."""
        return mark_safe(redact(super().get_traceback_text()))  # noqa: S308 - it is plain text
