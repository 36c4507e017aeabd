"""Whoever sends a form after they were signed out is told that nothing was done, and comes back to where they were."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from campaigns.admin.in_vain import SIGNED_OUT
from campaigns.models import Event
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db
SITE = "http://testserver"


@pytest.fixture
def writer() -> User:
    return factories.make_user("writer", "view_order", "comment_order")


def send(client: Client, page: str, **headers: str) -> Any:
    return client.post(f"{page}comment/", {"text": "Sold."}, headers=headers)


def test_after_the_login_the_page_of_the_form_comes_and_not_the_address_that_takes_it(writer: User) -> None:
    order, client = building.draft(), Client()
    page = f"/admin/campaigns/order/{order.pk}/"
    answer = send(client, page, referer=f"{SITE}{page}change/?older=7#timeline")
    assert answer.headers["Location"] == f"/admin/login/?next={page}change/%3Folder%3D7"
    assert SIGNED_OUT in client.get(answer.headers["Location"]).content.decode()
    words = {"username": writer.username, "password": factories.PASSWORD}
    after = client.post(answer.headers["Location"], words | {"next": f"{page}change/?older=7"}, follow=True)
    assert after.status_code == 200
    assert after.context["original"] == order
    assert SIGNED_OUT not in after.content.decode()
    assert not Event.objects.filter(kind="order.commented").exists()


@pytest.mark.parametrize("elsewhere", ["", "https://evil.example/admin/", "//evil.example/", "javascript:alert(1)"])
def test_another_site_is_no_page_to_come_back_to(elsewhere: str) -> None:
    page = f"/admin/campaigns/order/{building.draft().pk}/"
    answer = send(Client(), page, referer=elsewhere)
    assert answer.headers["Location"] == f"/admin/login/?next={page}comment/"


def test_whoever_looks_at_a_page_or_is_signed_in_is_told_nothing_of_it(writer: User) -> None:
    client = Client()
    assert SIGNED_OUT not in client.get("/admin/alerts/", follow=True).content.decode()
    outsider = User.objects.create_user("outsider", password="x")
    answer = building.client_of(outsider).post("/admin/alerts/read/", follow=True)
    assert answer.redirect_chain == [("/admin/login/?next=/admin/alerts/read/", 302)]
    assert SIGNED_OUT not in answer.content.decode()


def test_an_address_that_takes_forms_alone_says_so_and_leads_on(writer: User) -> None:
    client = building.client_of(writer)
    for address in (f"/admin/campaigns/order/{building.draft().pk}/comment/", "/admin/alerts/read/"):
        answer = client.get(address)
        assert answer.status_code == 405
        assert answer.headers["Allow"] == "POST"
        assert "This address has no page" in answer.content.decode()
        assert '<a href="/">Home</a>' in answer.content.decode()
