"""The lines of the Procfile, run as a platform runs them: by a shell, with settings from the environment alone."""

import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.run.running import ROOT, running, until
from tests.servers import free_port

pytestmark = pytest.mark.processes

LINES = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())


def production(folder: Path) -> dict[str, str | None]:
    """Return settings that a production process accepts."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DEBUG": "false",
        "SECRET_KEY": os.urandom(48).hex(),
        "ALLOWED_HOSTS": "console.example.com",
        "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
        "CELERY_BROKER_URL": "filesystem://",
        "BROKER_DIR": str(folder / "broker"),
        "FLOW_BASE_URL": "https://flow.invalid",
        "FLOW_ORGANISATION_ID": "ours",
        "FLOW_API_KEY": "ours-alone",
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
    }


def test_the_processes_of_production_are_all_there() -> None:
    assert list(LINES) == ["release", "web", "worker", "beat"]


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize(
    ("wrong", "remedy"),
    [
        ({"DEBUG": None}, "DEBUG=false"),
        ({"SECRET_KEY": None}, "SECRET_KEY"),
        ({"FLOW_BASE_URL": None}, "FLOW_BASE_URL"),
    ],
)
def test_a_process_refuses_settings_that_production_must_not_have(
    name: str, wrong: dict[str, str | None], remedy: str, tmp_path: Path
) -> None:
    with running(["sh", "-c", LINES[name]], {**production(tmp_path), **wrong}) as command:
        assert command.wait_for_end() == 1
        assert remedy in command.output


def test_each_process_starts_on_settings_of_production(tmp_path: Path) -> None:
    env = production(tmp_path)
    with running(["sh", "-c", LINES["release"]], env) as release:
        assert release.wait_for_end() == 0, release.output
    with running(["sh", "-c", LINES["worker"]], env) as worker, running(["sh", "-c", LINES["beat"]], env) as beat:
        worker.wait_for(" ready.")
        beat.wait_for("beat: Starting...")
    with running(["sh", "-c", LINES["web"]], env) as web:
        until(lambda: page_through_proxy(int(env["PORT"] or 0)) == 200, "{}", lambda: web.output)


def page_through_proxy(port: int) -> int:
    """Ask for the login page as a proxy that speaks HTTPS to the outside does; return the status, 0 for no answer."""
    headers = {"Host": "console.example.com", "X-Forwarded-Proto": "https"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/admin/login/", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.URLError as problem:
        return problem.code if isinstance(problem, urllib.error.HTTPError) else 0
