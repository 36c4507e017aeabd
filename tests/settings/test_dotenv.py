"""`.env`: read where it is, beaten by the environment, never read by tests; and every setting is in `.env.example`."""

import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.settings.starting import CHECK, ROOT, start

SHOW = (
    "import sys; from django.conf import settings; print(*(getattr(settings, name) for name in sys.argv[1:]), sep='|')"
)
OTHER_PROGRAMS = re.compile(r"PORT|SANDBOX_(?!PORT)\w+")  # what the runner and the sandbox read for themselves


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the project's wiring, whose `.env` is nobody's but this test's."""
    shutil.copytree(ROOT / "flowsite", tmp_path / "flowsite", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def settings_in(folder: Path, *names: str, **env: str) -> list[str]:
    """Return what the settings of the copy are in a process of its own."""
    inherited = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "flowsite.settings", "PYTHONPATH": str(folder)}
    argv = [sys.executable, "-c", SHOW, *names]
    done = subprocess.run(
        argv, cwd=folder, env=inherited | env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split("|")


def test_settings_are_read_from_the_file_where_it_is_there(copy: Path) -> None:
    (copy / ".env").write_text(
        "FLOW_API_KEY='k3y with = and #'\n# a comment\nexport FLOW_ORGANISATION_ID=ours\nDEBUG=false\n"
    )
    names = ("FLOW_API_KEY", "FLOW_ORGANISATION_ID", "DEBUG", "FLOW_DEADLINE")
    assert settings_in(copy, *names) == ["k3y with = and #", "ours", "False", "30.0"]


def test_a_variable_of_the_environment_wins_over_the_file(copy: Path) -> None:
    (copy / ".env").write_text("FLOW_API_KEY=from-the-file\nFLOW_ORGANISATION_ID=from-the-file\n")
    shown = settings_in(copy, "FLOW_API_KEY", "FLOW_ORGANISATION_ID", FLOW_API_KEY="from-outside")
    assert shown == ["from-outside", "from-the-file"]


def test_without_the_file_the_defaults_count(copy: Path) -> None:
    assert settings_in(copy, "FLOW_API_KEY", "FLOW_IS_SANDBOX") == ["sandbox-api-key", "True"]


def test_tests_never_read_it_for_it_may_hold_the_real_key(copy: Path) -> None:
    (copy / ".env").write_text("FLOW_API_KEY=the-real-one\n")
    assert settings_in(copy, "FLOW_API_KEY", PYTEST_VERSION="9") == ["sandbox-api-key"]


def test_the_sandbox_is_recognised_at_another_port_and_never_taken_for_flow(copy: Path) -> None:
    names = ("FLOW_BASE_URL", "FLOW_IS_SANDBOX", "FLOW_IS_LOCAL")
    assert settings_in(copy, *names, SANDBOX_PORT="8123") == ["http://127.0.0.1:8123", "True", "True"]
    real = settings_in(copy, *names, FLOW_BASE_URL="https://api.flowliving.com/")
    assert real == ["https://api.flowliving.com", "False", "False"]


def test_the_mail_servers_password_is_a_secret_and_its_silence_is_not_waited_out(copy: Path) -> None:
    address = "smtp+tls://console:hunter%232@mail.example.com"
    secrets, *others = settings_in(copy, "SECRETS", "EMAIL_HOST_PASSWORD", "EMAIL_TIMEOUT", EMAIL_URL=address)
    assert others == ["hunter#2", "10"]
    assert "'hunter#2'" in secrets
    assert repr(address) in secrets


def examples() -> dict[str, str]:
    """Return what `.env.example` says of each setting, whether it is commented out or not."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    found = [re.fullmatch(r"#?([A-Z_]+)=(.*)", line) for line in lines]
    return {match[1]: match[2] for match in found if match}


def test_every_setting_is_in_the_example_and_nothing_else() -> None:
    read = set(re.findall(r'read\.\w+\(\s*"([A-Z_]+)"', (ROOT / "flowsite" / "settings.py").read_text()))
    assert {name for name in examples() if not OTHER_PROGRAMS.fullmatch(name)} == read


def test_every_line_of_the_example_is_explained() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    for before, line in pairwise(lines):
        if re.match(r"#?[A-Z_]+=", line) and not re.match(r"#?(PORT|SANDBOX_\w+)=", line):
            assert before.startswith("#"), line


def test_the_example_as_it_stands_is_a_console_that_starts(tmp_path: Path) -> None:
    settings = {name: value for name, value in examples().items() if name not in {"DATABASE_URL", "BROKER_DIR"}}
    done = start(CHECK, tmp_path, **settings)
    assert (done.returncode, done.stdout) == (0, "System check identified no issues (0 silenced).\n")


def test_the_example_shows_the_defaults(tmp_path: Path) -> None:
    shown = {name: value for name, value in examples().items() if value and not OTHER_PROGRAMS.fullmatch(name)}
    del shown["DATABASE_URL"], shown["BROKER_DIR"]  # paths, which `start` keeps in the test's folder
    del shown["EMAIL_URL"]  # kept only as what Django makes of it: EMAIL_HOST and so on
    argv = (sys.executable, "-c", SHOW, *shown)
    as_default = start(argv, tmp_path, DJANGO_SETTINGS_MODULE="flowsite.settings")
    as_shown = start(argv, tmp_path, DJANGO_SETTINGS_MODULE="flowsite.settings", **shown)
    assert as_default.returncode == 0, as_default.stdout
    assert as_shown.stdout == as_default.stdout
