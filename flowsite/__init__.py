"""The wiring of the project."""

from flowsite.celery import app as celery_app

__all__ = ("celery_app",)
