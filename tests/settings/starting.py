"""Starting a process of the console with the settings of a test and no others."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
DEADLINE = 60
WORKER = (str(BIN / "celery"), "--app", "flowsite", "worker", "--concurrency", "1", "--without-mingle")
BEAT = (str(BIN / "celery"), "--app", "flowsite", "beat")
WEB = (str(BIN / "gunicorn"), "flowsite.wsgi", "--bind", "127.0.0.1:0", "--workers", "1", "--no-control-socket")
CHECK = (sys.executable, "manage.py", "check")
PRODUCTION = {
    "DEBUG": "false",
    "SECRET_KEY": "a-long-and-random-text-of-our-own-0123456789-abcdefghijklmnop",
    "ALLOWED_HOSTS": "console.example.com",
    "CSRF_TRUSTED_ORIGINS": "https://console.example.com",
    "FLOW_BASE_URL": "https://api.flowliving.com",
    "FLOW_ORGANISATION_ID": "organisation-1",
    "FLOW_API_KEY": "k3y-of-production",
}


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Return the variables of a process that keeps all that it writes in the folder."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "PYTEST_VERSION") if name in os.environ}
    own = {"DATABASE_URL": f"sqlite:///{folder}/db.sqlite3", "BROKER_DIR": str(folder / "broker")}
    return inherited | own | settings


def start(argv: tuple[str, ...], folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a process to its end and return what it printed, both streams in one, and its exit code."""
    return subprocess.run(
        argv,
        cwd=ROOT,
        env=environment(folder, **settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
