"""Keep secrets out of logs and error pages: the API key rides in a query string, so it is removed by value."""

import logging

from django.views.debug import ExceptionReporter

from campaigns.flow.redaction import redact


class RedactingFormatter(logging.Formatter):
    """Format a log record, traceback included, without any secret in it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the formatted record with every secret replaced."""
        return redact(super().format(record))


class RedactingReporter(ExceptionReporter):
    """Report an exception, with its frames' variables, without any secret in it."""

    def get_traceback_html(self) -> str:
        """Return the HTML report with every secret replaced."""
        return redact(super().get_traceback_html())

    def get_traceback_text(self) -> str:
        """Return the text report with every secret replaced."""
        return redact(super().get_traceback_text())
