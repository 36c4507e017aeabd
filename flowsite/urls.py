"""Addresses: the admin is the whole site."""

from django.contrib import admin
from django.shortcuts import redirect
from django.urls import include, path
from django.views.generic import RedirectView

from campaigns.admin import look

handler403 = "campaigns.admin.refused.view"

urlpatterns = [
    path("favicon.ico", lambda request: redirect(look.favicon(request))),
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/alerts/", include("campaigns.admin.alerts")),
    path("admin/", admin.site.urls),
]
