"""Ctrl-C while Flow has an order and has not answered yet: the money-critical moment of `make run`."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.run.real import Console
from tests.run.running import ROOT, until

pytestmark = pytest.mark.processes

READY = 90.0
CATALOGUE = {
    "branches": "external_id,name\nb-1,Sea Point\n",
    "plans": "ref,name,default_budget,duration_days\nsocial,Social,1500.00,7\n",
    "listings": "external_id,branch,agent,title,price,url\nl-1,b-1,,Two rooms,1000000,https://example.com/l-1\n",
}


def manage(console: Console, *words: str, **env: str) -> str:
    """Run a management command on the console's data; return what it prints."""
    changed = {**os.environ, **console.environment, **env}
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={name: value for name, value in changed.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make_catalogue(console: Console, folder: Path) -> None:
    for kind, rows in CATALOGUE.items():
        (folder / kind).with_suffix(".csv").write_text(rows)
        manage(console, "import_catalogue", kind, str(folder / f"{kind}.csv"))
    user = ["--username", "planner", "--email", "planner@example.com"]
    manage(console, "createsuperuser", "--noinput", *user, DJANGO_SUPERUSER_PASSWORD="a long enough one")


def order(console: Console) -> Any:
    return json.loads(manage(console, "show_order", "late-1", "--json"))


def answer_late(console: Console, seconds: float) -> None:
    """Have the sandbox take every publish at once and answer it late."""
    fault = {"fault": "late", "calls": ["publish"], "seconds": seconds, "count": None}
    request = urllib.request.Request(f"{console.sandbox_url}/sandbox/faults", json.dumps(fault).encode(), method="PUT")
    urllib.request.urlopen(request, timeout=10).close()


def published_refs(console: Console) -> list[str]:
    """Return what the sandbox has taken so far."""
    with urllib.request.urlopen(f"{console.sandbox_url}/sandbox/ledger", timeout=10) as answer:
        return [publish["orderRef"] for publish in json.load(answer)["publishes"]]


def test_ctrl_c_lets_the_publish_finish_and_the_next_start_keeps_it(tmp_path: Path) -> None:
    console = Console(tmp_path)
    with console.start() as command:
        command.wait_for("Ready:", deadline=READY)
        make_catalogue(console, tmp_path)
        answer_late(console, 12)
        what = ["--plan", "social", "--branch", "b-1", "--listing", "l-1", "--order-ref", "late-1"]
        manage(console, "create_order", *what, "--user", "planner", "--submit")
        until(lambda: "late-1" in published_refs(console), "{}", lambda: command.output, READY)
        assert order(console)["state"] == "publishing"
        command.press_ctrl_c()
        assert command.wait_for_end(READY) == 0
        assert command.others() == {}
    assert order(console)["state"] == "published"
    with console.start() as command:
        command.wait_for("Ready:", deadline=READY)
        assert order(console)["state"] == "published"
        assert published_refs(console).count("late-1") == 1
        command.process.kill()
        command.wait_until_nothing_runs()
