"""The processes of `make run`."""

import socket
import sys

from django.conf import settings

from runner.children import Process
from runner.probes import Succeeds, answers_http, says

GRACE = 15
"""Seconds a worker has beyond the hard time limit of a task, to tell the database and go."""


def processes(port: int) -> list[Process]:
    """Return what to run: the web server at the port, a worker, beat, and the sandbox where it stands in for Flow."""
    table = [_web(port), _worker(), _beat()]
    return [_sandbox(), *table] if settings.FLOW_IS_SANDBOX else table


def _web(port: int) -> Process:
    address = f"127.0.0.1:{port}"
    return Process(
        name="web",
        argv=_module(
            *("gunicorn", "flowsite.wsgi", "--bind", address, "--workers", "1", "--threads", "4"),
            *("--no-control-socket", "--log-level", "warning"),
        ),
        answers=answers_http(f"http://{address}/admin/login/"),
        patience=35,
        waiting_for="it finishes the pages that were asked for",
    )


def _worker() -> Process:
    name = f"run@{socket.gethostname()}"
    return Process(
        name="worker",
        argv=_celery(
            *("worker", "--hostname", name, "--concurrency", "2"),
            *("--without-gossip", "--without-mingle", "--loglevel", "INFO"),
        ),
        answers=Succeeds(
            _celery("inspect", "ping", "--destination", name, "--timeout", "2"), "it does not answer a ping"
        ),
        patience=settings.CELERY_TASK_TIME_LIMIT + GRACE,
        waiting_for="a publish may be under way; cut short, it would leave in doubt whether Flow took the order",
        cut_short=(
            "If an order was being published, Flow may have taken it and may spend its budget. "
            "Such an order stands as unknown in the admin after the next start: look in Flow before you settle it."
        ),
    )


def _beat() -> Process:
    return Process(name="beat", argv=_celery("beat", "--loglevel", "INFO"), answers=says("beat: Starting..."))


def _sandbox() -> Process:
    return Process(
        name="sandbox",
        argv=_module("sandbox"),
        answers=answers_http(f"{settings.SANDBOX_BASE_URL}/health"),
        ends_last=True,
    )


def _celery(*words: str) -> tuple[str, ...]:
    return _module("celery", "--app", "flowsite", *words)


def _module(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *words)
