"""Row `start`: how soon each process is ready and what memory it takes, beside a bare project on the same libraries."""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.console import end, table, until
from benchmarks.stage import ROOT, Stage
from runner.leash import leash
from tests.__main__ import setting_free
from tests.servers import free_port

RUNS = 5
GOAL = 1.3

BARE = {
    "bare/__init__.py": "from bare.celery import app as celery_app\n",
    "bare/settings.py": """
import os
from pathlib import Path

import environ

read = environ.Env()
SECRET_KEY = "bare"
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "bare.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "unfold", "unfold.contrib.filters", "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "whitenoise.runserver_nostatic", "django.contrib.staticfiles",
    "django_celery_beat", "things",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware", "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True
DATABASES = {"default": read.db("DATABASE_URL")}
CELERY_BROKER_URL = read("CELERY_BROKER_URL")
CELERY_TASK_IGNORE_RESULT = True
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
""",
    "bare/urls.py": """
from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
""",
    "bare/celery.py": """
import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bare.settings")
app = Celery("bare")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
""",
    "bare/wsgi.py": """
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bare.settings")
application = get_wsgi_application()
""",
    "things/__init__.py": "",
    "things/models.py": """
from django.db import models


class Thing(models.Model):
    name = models.CharField(max_length=100)
""",
    "things/admin.py": """
from django.contrib import admin
from unfold.admin import ModelAdmin

from things.models import Thing


@admin.register(Thing)
class ThingAdmin(ModelAdmin):
    list_display = ("name",)
""",
    "things/tasks.py": """
import requests
from celery import shared_task


@shared_task
def call(address):
    requests.get(address, timeout=10)
""",
}
"""The least that a project with these libraries is: one model, its admin, and one task that calls an API."""


@dataclass(frozen=True)
class Project:
    """A project whose processes are started."""

    name: str
    folder: Path
    module: str
    environment: dict[str, str]

    def python(self, *words: str, output: int | None = None) -> "subprocess.Popen[bytes]":
        """Start Python in the project's folder, as the leader of a process group."""
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL if output is None else output,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=leash(signal.SIGKILL),
        )

    def manage(self, *words: str) -> None:
        """Run a command of Django to its end."""
        process = self.python("-m", "django", *words)
        if process.wait():
            raise RuntimeError(f"{self.name}: {' '.join(words)} fails")


def measure(stage: Stage) -> str:
    """Start both projects' processes in turns, on SQLite and Redis."""
    with tempfile.TemporaryDirectory() as folder:
        bare, console = _bare(Path(folder), stage.redis), _console(Path(folder), stage.redis)
        for project in (bare, console):
            project.manage("migrate", "--verbosity", "0")
        found: dict[tuple[str, str], list[float]] = {}
        for _ in range(RUNS):
            for project in (bare, console):
                for what, number in _once(project, Path(folder)).items():
                    found.setdefault((what, project.name), []).append(number)
    return _section({key: statistics.median(numbers) for key, numbers in found.items()})


def _bare(folder: Path, redis: str) -> Project:
    home = folder / "project"
    for name, text in BARE.items():
        file = home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.lstrip())
    return Project("bare", home, "bare", _environment(folder / "bare.sqlite3", redis, "bare", home))


def _console(folder: Path, redis: str) -> Project:
    return Project("console", ROOT, "flowsite", _environment(folder / "console.sqlite3", redis, "flowsite", ROOT))


def _environment(database: Path, redis: str, module: str, folder: Path) -> dict[str, str]:
    inherited = setting_free(os.environ)
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)  # or one project's own modules would be compiled at every start
    return {
        **inherited,
        "DATABASE_URL": f"sqlite:///{database}",
        "CELERY_BROKER_URL": redis,
        "DJANGO_SETTINGS_MODULE": f"{module}.settings",
        "PYTHONPATH": str(folder),
    }


def _once(project: Project, folder: Path) -> dict[str, float]:
    begun = time.perf_counter()
    project.manage("check")
    checked = {"`manage.py check`": time.perf_counter() - begun}
    return checked | _web(project) | _worker(project, folder) | _beat(project, folder)


def _web(project: Project) -> dict[str, float]:
    port = free_port()
    words = (
        "gunicorn",
        f"{project.module}.wsgi",
        "--bind",
        f"127.0.0.1:{port}",
        "--threads",
        "4",
        "--no-control-socket",
    )
    page = f"http://127.0.0.1:{port}/admin/login/"
    return _started("web", project.python("-m", *words), lambda: _answers(page), more="first page")


def _worker(project: Project, folder: Path) -> dict[str, float]:
    words = ("worker", "--concurrency", "2", "--without-gossip", "--without-mingle")
    return _celery("worker", project, folder, " ready.", *words)


def _beat(project: Project, folder: Path) -> dict[str, float]:
    return _celery("beat", project, folder, "beat: Starting...", "beat")


def _celery(name: str, project: Project, folder: Path, sign: str, *words: str) -> dict[str, float]:
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        argv = ("-m", "celery", "--app", project.module, *words, "--loglevel", "INFO")
        process = project.python(*argv, output=output.fileno())
    return _started(name, process, lambda: sign in log.read_text(errors="replace"), more="ready")


def _started(
    name: str, process: "subprocess.Popen[bytes]", is_ready: Callable[[], bool], more: str
) -> dict[str, float]:
    """Return the seconds until it is ready, and the memory of it and its children a moment later, in MB."""
    begun = time.perf_counter()
    try:
        until(is_ready, lambda: f"{name} was not ready", poll=0.005)
        seconds = time.perf_counter() - begun
        time.sleep(0.5)
        return {f"{name}: {more}": seconds, f"{name}: memory": _memory(process.pid)}
    finally:
        end(process)


def _answers(page: str) -> bool:
    try:
        with urllib.request.urlopen(page, timeout=30) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


def _memory(group: int) -> float:
    """Return the proportional set of all processes of the group, in MB."""
    kilobytes = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(folder.name)) == group:
                lines = (folder / "smaps_rollup").read_text().splitlines()
                kilobytes += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (ProcessLookupError, FileNotFoundError):  # it ended meanwhile
            continue
    return kilobytes / 1000


def _section(found: dict[tuple[str, str], float]) -> str:
    rows = [("what", "ratio", "bare", "the console", "goal")]
    ratios = []
    for what in dict.fromkeys(what for what, _ in found):
        bare, ours = found[what, "bare"], found[what, "console"]
        shown = (f"{bare:,.0f} MB", f"{ours:,.0f} MB") if "memory" in what else (f"{bare:.2f} s", f"{ours:.2f} s")
        ratios.append(ours / bare)
        rows.append((what, f"{ours / bare:.2f} ×", *shown, f"≤ {GOAL} ×"))
    met = sum(ratio <= GOAL for ratio in ratios)
    return f"""## start: how soon a process is ready, and what it weighs

{table(rows)}

Beside a project of one model, its admin under Unfold, and one task that calls an API, with django-celery-beat and the same
libraries: the least that these parts can be put together to. On SQLite and Redis; the web is gunicorn with 4 threads, asked
for the login page; the worker has 2 processes; memory is the proportional set of a process with its children half a second
after it is ready. Medians of {RUNS} runs that take turns. The goal is met by {met} of {len(ratios)}.

What the console has beyond it is its own code: some 190 modules with models, admin and services, whose import is nearly all of
the difference, and the checks that refuse wrong settings. Tried and kept: openpyxl is imported by the deed that reads or writes
a workbook, Flow's client with requests and pyrate-limiter by whoever calls Flow (a worker does before it forks, so that its
processes share them), Redis's transport by whoever connects; no garbage is looked for while models and
admin are imported. Before that `check`
took 1.7 times the bare one's time of processor.
"""
