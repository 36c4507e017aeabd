"""System checks: a wrong or missing setting stops a process at its start, with the name of the setting and the remedy."""

from itertools import pairwise
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import User
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError

from campaigns.domain.states import Phase
from campaigns.management.demo_people import PASSWORD, PEOPLE


@register(Tags.compatibility)
def check_settings(**_: Any) -> list[CheckMessage]:
    """Report settings that can't be used, and combinations that would cost money."""
    found: list[CheckMessage] = [
        Error(f"{problem.setting} can't be used.", hint=f"{problem.setting}: {problem.remedy}", id="campaigns.E001")
        for problem in settings.SETTINGS_PROBLEMS
    ]
    found += [*_flow_address(), *_credentials(), *_deadlines(), *_words(), *_broker()]
    return found if settings.DEBUG else found + _production()


@register(Tags.security, deploy=True)
def check_production(**_: Any) -> list[CheckMessage]:
    """Report what production must not start with."""
    if not settings.DEBUG:
        return []  # check_settings has reported the others already
    debug = Error(
        "DEBUG is on.", hint="Set DEBUG=false: its error pages show internals to everybody.", id="campaigns.E020"
    )
    return [debug, *_production()]


def _production() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings.SECRET_KEY == settings.DEFAULT_SECRET_KEY:
        hint = "Set SECRET_KEY to a long random text of your own: whoever knows it can log in as anybody."
        found.append(Error("SECRET_KEY is the one from the source code.", hint=hint, id="campaigns.E021"))
    if settings.FLOW_IS_SANDBOX:
        hint = "Set FLOW_BASE_URL=https://api.flowliving.com, with FLOW_ORGANISATION_ID and FLOW_API_KEY."
        found.append(Error("FLOW_BASE_URL is the sandbox: nothing would be published.", hint=hint, id="campaigns.E022"))
    elif not settings.FLOW_BASE_URL.lower().startswith("https://") and not settings.FLOW_IS_LOCAL:
        hint = "Write FLOW_BASE_URL with https://."
        found.append(Error("FLOW_BASE_URL would send the API key unencrypted.", hint=hint, id="campaigns.E023"))
    return found


def _flow_address() -> list[CheckMessage]:
    parts = _parts(settings.FLOW_BASE_URL)
    plain = parts and not (parts.query or parts.fragment or "@" in parts.netloc)
    if parts and plain and parts.scheme in {"http", "https"} and parts.hostname:
        return []
    hint = "Set FLOW_BASE_URL to an address such as https://api.flowliving.com, with nothing behind the path."
    return [Error("FLOW_BASE_URL is not an address.", hint=hint, id="campaigns.E002")]


def _credentials() -> list[CheckMessage]:
    if _flow_address():
        return []  # whether they are needed depends on the address
    required = {"FLOW_ORGANISATION_ID": settings.SANDBOX_ORGANISATION_ID, "FLOW_API_KEY": settings.SANDBOX_API_KEY}
    return [
        Error(
            f"{name} is missing.",
            hint=f"Set {name}: Flow's account manager gives it to you.",
            id="campaigns.E003",
        )
        for name, sandbox in required.items()
        if not getattr(settings, name) or (getattr(settings, name) == sandbox and not settings.FLOW_IS_LOCAL)
    ]


def _deadlines() -> list[CheckMessage]:
    """Connect, read < total deadline < soft < hard time limit < lease < visibility timeout: else an order is sent twice."""
    ladder = [
        ("FLOW_CONNECT_TIMEOUT", settings.FLOW_CONNECT_TIMEOUT),
        ("FLOW_DEADLINE", settings.FLOW_DEADLINE),
        ("the soft time limit, 2 × FLOW_DEADLINE + 30", settings.CELERY_TASK_SOFT_TIME_LIMIT),
        ("the hard time limit, 2 × FLOW_DEADLINE + 45", settings.CELERY_TASK_TIME_LIMIT),
        ("PUBLISH_LEASE", settings.PUBLISH_LEASE),
        ("the broker's visibility timeout", settings.BROKER_VISIBILITY_TIMEOUT),
    ]
    steps = [*pairwise(ladder), (("FLOW_READ_TIMEOUT", settings.FLOW_READ_TIMEOUT), ladder[1])]
    return [
        Error(
            f"{lower} ({seconds:g} s) must be shorter than {upper} ({limit:g} s).",
            hint="Otherwise a worker that is still sending could be taken for dead. Lower the first or raise the second.",
            id="campaigns.E004",
        )
        for (lower, seconds), (upper, limit) in steps
        if seconds >= limit
    ]


def _words() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    phases = ", ".join(phase.value for phase in Phase)
    for word, phase in settings.FLOW_STATUS_PHASES.items():
        if phase not in {known.value for known in Phase}:
            hint = f"In FLOW_STATUS_PHASES write {word}= and one of {phases}."
            found.append(Error(f"FLOW_STATUS_PHASES has an unknown phase, “{phase}”.", hint=hint, id="campaigns.E005"))
    for name in ("FLOW_STATUS_PAUSE", "FLOW_STATUS_RESUME", "FLOW_STATUS_CANCEL"):
        if not getattr(settings, name):
            hint = f"Set {name} to Flow's word, or remove the line for the default."
            found.append(Error(f"{name} is empty.", hint=hint, id="campaigns.E006"))
    return found


def _broker() -> list[CheckMessage]:
    known = {"filesystem", "redis", "rediss", "amqp", "amqps", "pyamqp", "memory"}
    if settings.BROKER_SCHEME in known and _parts(settings.CELERY_BROKER_URL):
        return []
    hint = "Set CELERY_BROKER_URL to filesystem://, redis://host:6379/0 or amqp://user:password@host:5672//."
    return [Error("CELERY_BROKER_URL names no broker that is supported.", hint=hint, id="campaigns.E007")]


def _parts(address: str) -> SplitResult | None:
    """Return the parts of an address, None where it is broken."""
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - reading it raises where it is no number
    except ValueError:
        return None
    return parts


@register(Tags.database)
def check_demo_logins(**_: Any) -> list[CheckMessage]:
    """Report logins of the demo, whose password everybody knows, where real money can be spent."""
    if settings.FLOW_IS_LOCAL:
        return []
    try:
        people = list(User.objects.filter(username__in=[person.username for person in PEOPLE], is_active=True))
    except DatabaseError:
        return []  # no tables yet, so no logins; an unreachable database speaks for itself
    hint = "Change their passwords (manage.py changepassword NAME), or begin with a database of its own for real money."
    return [
        Error(f"“{user.username}” can log in with the demo's password.", hint=hint, id="campaigns.E024")
        for user in people
        if check_password(PASSWORD, user.password)
    ]
