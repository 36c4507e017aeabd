"""No secret reaches a log or an error page, wherever it stands and whatever form it has there."""

import logging
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings as django_settings
from django.test import RequestFactory
from django.views.debug import technical_500_response
from pytest_django import Settings

from campaigns.flow import redact, remember
from flowsite.redacting import RedactingReporter
from tests.settings.starting import PRODUCTION, start

KEY = "k3y/with+odd &chars<é>"
FORMS = [KEY, quote(KEY, safe=""), "k3y/with+odd &amp;chars&lt;é&gt;"]


@pytest.fixture(autouse=True)
def _the_key_is_known() -> None:
    remember(KEY)


def console_handler() -> logging.Handler:
    """Return the handler through which every log line of the console goes."""
    handler = logging.getLogger().manager.root.handlers
    return next(each for each in handler if type(each.formatter).__name__ == "RedactingFormatter")


def test_a_log_line_loses_the_secret_in_its_words_its_arguments_and_its_traceback() -> None:
    try:
        raise RuntimeError(f"https://flow/auth?apiKey={quote(KEY, safe='')}")
    except RuntimeError:
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "asked %s", (KEY,), sys.exc_info())
    line = console_handler().format(record)
    assert "asked [redacted]" in line
    assert "RuntimeError: https://flow/auth?apiKey=[redacted]" in line
    assert not [form for form in FORMS if form in line]


def raise_with_the_secret_everywhere() -> None:
    url, headers = f"https://flow/auth?apiKey={quote(KEY, safe='')}", {"Authorization": f"Bearer {KEY}"}
    raise RuntimeError(f"{url} did not answer; {len(headers)} header with {KEY}")


@pytest.fixture
def page(settings: Settings) -> str:
    """The error page that a developer sees, variables of all frames included."""
    settings.DEBUG = True
    request = RequestFactory().get("/admin/", {"key": KEY})
    with pytest.raises(RuntimeError) as caught:
        raise_with_the_secret_everywhere()
    return technical_500_response(request, caught.type, caught.value, caught.tb).content.decode()


def test_a_debug_page_shows_the_error_and_not_the_secret(page: str) -> None:
    assert "RuntimeError" in page
    assert "did not answer" in page
    assert "raise_with_the_secret_everywhere" in page
    assert "apiKey=[redacted]" in page
    assert not [form for form in FORMS if form in page]


def test_a_debug_page_is_still_a_page(page: str) -> None:
    assert page.startswith("<!DOCTYPE html>")
    assert "&lt;!DOCTYPE" not in page


def test_an_error_report_as_text_does_not_show_the_secret(settings: Settings) -> None:
    settings.DEBUG = True
    request = RequestFactory().get("/admin/", {"key": KEY})
    with pytest.raises(RuntimeError) as caught:
        raise_with_the_secret_everywhere()
    text = RedactingReporter(request, caught.type, caught.value, caught.tb).get_traceback_text()
    assert "did not answer" in text
    assert not [form for form in FORMS if form in text]


def test_the_settings_secrets_are_known_before_anything_is_asked_of_flow() -> None:
    assert redact(f"-{django_settings.FLOW_API_KEY}-{django_settings.SECRET_KEY}-") == "-[redacted]-[redacted]-"


def test_the_passwords_in_the_addresses_of_database_and_broker_are_known_as_well(tmp_path: Path) -> None:
    secrets = {
        "DATABASE_URL": "postgres://console:hunter2@db.example.com/console",
        "CELERY_BROKER_URL": "redis://:hunter3@broker.example.com:6379/0",
    }
    told = "import django; django.setup(); import logging, os; logging.error('%s', [os.environ[n] for n in {names!r}])"
    script = told.format(names=[*secrets, "FLOW_API_KEY", "SECRET_KEY"])
    env = PRODUCTION | secrets | {"DJANGO_SETTINGS_MODULE": "flowsite.settings"}
    done = start((sys.executable, "-c", script), tmp_path, **env)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("[redacted]") == 4
