"""No list holds others up: PostgreSQL stops a statement that takes too long, and the page says so."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.db import DatabaseError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from psycopg.errors import QueryCanceled

SECONDS = 5
LISTS = ("_changelist", "autocomplete")


class ListTimeout:
    """Limits the statements of a list that is read, on PostgreSQL; SQLite has no such limit."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and take the limit away again."""
        try:
            return self.get_response(request)
        finally:
            if getattr(request, "is_limited", False):
                _lift()

    def process_view(self, request: HttpRequest, *_: Any) -> None:
        """Set the limit where a list is read."""
        match = request.resolver_match
        is_list = match and match.app_name == "admin" and (match.url_name or "").endswith(LISTS)
        if is_list and request.method in ("GET", "HEAD") and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = %s", [SECONDS * 1000])
            request.is_limited = True  # type: ignore[attr-defined]  # read above

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Say in words that it took too long."""
        if not (isinstance(error, OperationalError) and isinstance(error.__cause__, QueryCanceled)):
            return None
        return render(
            request,
            "too_slow.html",
            {"seconds": SECONDS, "path": request.path},
            status=HTTPStatus.SERVICE_UNAVAILABLE,
        )


def _lift() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = DEFAULT")
    except DatabaseError:
        connection.close()  # whoever comes next gets a new one, without the limit
