"""Addresses: the admin is the whole site."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/alerts/", include("campaigns.admin.alerts")),
    path("admin/", admin.site.urls),
]
