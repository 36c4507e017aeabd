"""A process with wrong settings does not start: it says which they are, and how to set them."""

from pathlib import Path

import pytest

from tests.settings.starting import BEAT, CHECK, PRODUCTION, WEB, WORKER, start

WRONG = {
    "FLOW_DEADLINE": "soon",
    "APPROVAL_THRESHOLD": "a lot",
    "DATABASE_URL": "mysql://console:hunter2@db.example.com/console",
    "FLOW_STATUS_CANCEL": " ",
}


def test_a_console_with_no_settings_at_all_is_fine_for_trying_it_out(tmp_path: Path) -> None:
    done = start(CHECK, tmp_path)
    assert (done.returncode, done.stdout) == (0, "System check identified no issues (0 silenced).\n")


def test_all_wrong_settings_are_named_at_once_each_with_its_remedy(tmp_path: Path) -> None:
    done = start(CHECK, tmp_path, **WRONG)
    assert done.returncode == 1
    assert "System check identified 4 issues" in done.stdout
    for name, remedy in {
        "FLOW_DEADLINE": "set it to a number of seconds above zero, such as 30.",
        "APPROVAL_THRESHOLD": "set it to an amount such as 5000 or 5000.00, or leave it empty for none.",
        "DATABASE_URL": "set it to an address such as postgres://user:password@host:5432/name",
    }.items():
        assert f"(campaigns.E001) {name} can't be used." in done.stdout
        assert f"HINT: {name}: {remedy}" in done.stdout
    assert "(campaigns.E006) FLOW_STATUS_CANCEL is empty." in done.stdout


def test_the_value_of_a_wrong_setting_is_not_shown(tmp_path: Path) -> None:
    assert "hunter2" not in start(CHECK, tmp_path, **WRONG).stdout


@pytest.mark.parametrize("process", [WORKER, BEAT, WEB], ids=["worker", "beat", "web"])
def test_every_process_refuses_to_start(tmp_path: Path, process: tuple[str, ...]) -> None:
    done = start(process, tmp_path, FLOW_DEADLINE="soon", CELERY_BROKER_URL="carrier-pigeon://loft")
    assert done.returncode == 3
    assert done.stdout.count("This process does not start, because of its settings:") == 1
    assert "HINT: FLOW_DEADLINE: set it to a number of seconds above zero, such as 30." in done.stdout
    assert "HINT: Set CELERY_BROKER_URL to filesystem://" in done.stdout
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "db.sqlite3").exists()


@pytest.mark.parametrize("process", [WORKER, BEAT, WEB], ids=["worker", "beat", "web"])
def test_no_process_of_production_starts_on_the_sandbox_with_a_key_that_everybody_knows(
    tmp_path: Path, process: tuple[str, ...]
) -> None:
    done = start(process, tmp_path, DEBUG="false")
    assert done.returncode == 3
    assert "(campaigns.E021) SECRET_KEY is the one from the source code." in done.stdout
    assert "(campaigns.E022) FLOW_BASE_URL is the sandbox: nothing would be published." in done.stdout


def test_production_with_its_own_settings_passes_every_check(tmp_path: Path) -> None:
    done = start((*CHECK, "--deploy", "--fail-level", "WARNING"), tmp_path, **PRODUCTION)
    assert (done.returncode, done.stdout) == (0, "System check identified no issues (0 silenced).\n")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"DEBUG": "true"}, "(campaigns.E020) DEBUG is on."),
        ({"SECRET_KEY": ""}, "(campaigns.E021) SECRET_KEY is the one from the source code."),
        ({"FLOW_BASE_URL": "http://localhost:8100/"}, "(campaigns.E022) FLOW_BASE_URL is the sandbox"),
        ({"FLOW_BASE_URL": "http://api.flowliving.com"}, "(campaigns.E023) FLOW_BASE_URL would send the API key"),
        ({"FLOW_API_KEY": ""}, "(campaigns.E003) FLOW_API_KEY is missing."),
    ],
)
def test_production_is_refused_for_each_dangerous_setting(
    tmp_path: Path, change: dict[str, str], expected: str
) -> None:
    done = start((*CHECK, "--deploy", "--fail-level", "ERROR"), tmp_path, **PRODUCTION | change)
    assert done.returncode == 1
    assert expected in done.stdout
    assert done.stdout.count("(campaigns.E") == 1
