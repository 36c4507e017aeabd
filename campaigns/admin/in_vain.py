"""Forms that were sent in vain, by somebody who is signed out by now, and addresses that only take forms."""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

SIGNED_OUT = (
    "You were signed out meanwhile, so nothing was done with what you sent. "
    "Log in: you come back to the page that you sent it from."
)


class InVain:
    """Middleware: whoever sends a form after they were signed out is told so, and led back to the page of the form.

    Many forms are sent to addresses that have no page of their own: a browser that comes there from the login would
    show a failure. Whoever opens such an address by themselves reads what it is.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and let no form be lost without a word."""
        answer = self.get_response(request)
        if request.method == "POST" and _asks_to_log_in(answer) and not request.user.is_authenticated:
            messages.warning(request, SIGNED_OUT)
            return redirect_to_login(_page_of_the_form(request), reverse("admin:login"))
        is_refused = answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED
        if request.method == "GET" and is_refused and isinstance(answer, HttpResponse):
            answer.content = render_to_string("405.html")
        return answer


def _asks_to_log_in(answer: HttpResponseBase) -> bool:
    place = urlsplit(answer.headers.get("Location", "")).path
    return answer.status_code == HTTPStatus.FOUND and place == reverse("admin:login")


def _page_of_the_form(request: HttpRequest) -> str:
    """Return where the browser says that the form was, if that is one of our own pages."""
    page = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure()):
        return request.get_full_path()
    parts = urlsplit(page)
    return parts._replace(scheme="", netloc="", fragment="").geturl()
