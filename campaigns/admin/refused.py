"""What is answered to somebody who may not do what they asked for: in the console's own look, with the menu to go on from."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.template.loader import render_to_string
from django.views.defaults import permission_denied


def view(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Say so; to those who are not signed in as staff on a page without anything of the console."""
    if not admin.site.has_permission(request):
        return permission_denied(request, exception or Exception())
    context: dict[str, Any] = {**admin.site.each_context(request), "title": "Not allowed"}
    return HttpResponseForbidden(render_to_string("admin/campaigns/refused.html", context, request))
