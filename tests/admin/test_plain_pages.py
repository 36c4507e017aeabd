"""What people read when something is not allowed, not there or broken: plain words, whom to ask, and the way home."""

import logging
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path

from campaigns.admin import look, refused
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db


def _break(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError("secret words")


urlpatterns = [path("broken/", _break)]


def plain(answer: Any, status: int, words: str) -> None:
    html = answer.content.decode()
    assert answer.status_code == status
    assert words in html
    assert "administrator" in html
    assert '<a href="/">Home</a>' in html
    for elsewhere in ("<link", "<script", "src=", "http"):
        assert elsewhere not in html


def test_what_somebody_may_not_do_is_said_beside_the_menu_and_the_name_of_the_site() -> None:
    client = building.client_of(factories.make_user("newcomer", "view_order"))
    answer = client.get("/admin/campaigns/branch/")
    html = answer.content.decode()
    assert answer.status_code == 403
    assert "You may not do this" in html
    assert "ask an administrator for the permission" in html
    assert look.environment(answer.wsgi_request)[0] in html
    assert 'href="/admin/campaigns/order/"' in html
    assert 'href="/admin/campaigns/branch/"' not in html


def test_whoever_is_no_staff_sees_nothing_of_the_console_when_refused(rf: RequestFactory) -> None:
    request = rf.get("/admin/campaigns/branch/")
    request.user = User.objects.create_user("outsider", password="x")
    plain(refused.view(request, PermissionDenied()), 403, "You may not do this")


def test_the_picture_of_the_tab_is_where_browsers_look_for_it(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert answer.headers["Location"] == look.favicon(answer.wsgi_request)


def test_what_somebody_may_not_do_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    client = building.client_of(factories.make_user("newcomer"))
    with caplog.at_level(logging.WARNING):
        client.get("/admin/campaigns/branch/")
    (record,) = [record for record in caplog.records if record.name == "django.request"]
    assert record.getMessage() == "Forbidden (Permission denied): /admin/campaigns/branch/"
    assert record.exc_info is None


def test_what_is_not_there() -> None:
    client = building.client_of(User.objects.create_superuser("boss", password="x"))
    plain(client.get("/admin/campaigns/order/7/change/"), 404, "There is nothing here")


def test_more_rows_in_an_address_than_a_page_takes() -> None:
    client = building.client_of(User.objects.create_superuser("boss", password="x"))
    rows = "&".join(f"row={number}" for number in range(1, 1002))
    plain(client.get(f"/admin/campaigns/order/batch/?deed=cancel&{rows}"), 400, "That could not be understood")


def test_a_form_without_the_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    plain(client.post("/admin/login/", {"username": "x"}), 403, "The form was not accepted")


def test_what_breaks_is_told_without_the_database(
    settings: Any, django_assert_num_queries: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ROOT_URLCONF = __name__
    with django_assert_num_queries(0):
        answer = Client(raise_request_exception=False).get("/broken/")
    plain(answer, 500, "Something broke on our side")
    assert "secret words" not in answer.content.decode()
    (record,) = [record for record in caplog.records if record.name == "django.request"]
    assert record.exc_info
    assert not site_settings.DEBUG
