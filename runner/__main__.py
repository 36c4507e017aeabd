"""`python -m runner`: what `make run` calls once the libraries are there."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowsite.settings")

from django.conf import settings

from runner.leash import leash
from runner.output import say
from runner.ports import PortError, port_setting, require_free
from runner.supervisor import Supervisor
from runner.table import processes


class CannotStartError(Exception):
    """Nothing was started; the message says why and what to do."""


def main() -> int:
    """Check, prepare, run. Return 0 after Ctrl-C, 1 when it could not start or a process kept dying."""
    try:
        require_development()
        port = check_ports()
        with take_lock(Path(f"{settings.BROKER_DIR}.lock")):
            logins = prepare()
            return Supervisor(processes(port), welcome(port, logins)).run()
    except (PortError, CannotStartError) as problem:
        say(f"{problem}\nNothing was started.")
    except KeyboardInterrupt:
        say("Stopped before anything was started.")
    return 1


def require_development() -> None:
    """Raise CannotStartError on production's settings: their pages answer to HTTPS alone, which nobody offers here."""
    if not settings.DEBUG:
        raise CannotStartError(
            "DEBUG is off. Those are production's settings: run the processes of the Procfile behind a web server that "
            "speaks HTTPS, or set DEBUG=true to work on this machine alone."
        )


def check_ports() -> int:
    """Return the web server's port. Raise PortError unless it and the sandbox's are free."""
    port = port_setting("PORT", 8000)
    wanted = {"PORT": port}
    sandbox_port = port_setting("SANDBOX_PORT", 8100)
    if settings.FLOW_IS_SANDBOX:
        wanted["SANDBOX_PORT"] = sandbox_port
    require_free(wanted)
    return port


def take_lock(path: Path) -> IO[str]:
    """Return a file that holds the lock until it is closed: two beats on the same data would send everything twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise CannotStartError(
            f"`make run` runs already on this data ({path} is locked). End it with Ctrl-C in its terminal, "
            "or set DATABASE_URL, BROKER_DIR and SANDBOX_STATE to others."
        ) from None
    return lock


def prepare() -> str:
    """Bring the database up to date and load the demo data; return the demo logins, in words."""
    manage("migrate", "--noinput", "--verbosity", "0")
    if not settings.FLOW_IS_LOCAL:
        return (
            "Logins: your own; no demo data is loaded here (.venv/bin/python manage.py createsuperuser makes a login)"
        )
    return manage("demo_data")


def manage(*words: str) -> str:
    """Run a management command; return what it printed. Raise CannotStartError when it fails."""
    done = subprocess.run(  # noqa: S603 - our own commands
        (sys.executable, "manage.py", *words), stdout=subprocess.PIPE, text=True, check=False, preexec_fn=leash()
    )
    if done.returncode:
        raise CannotStartError(f"{done.stdout}`manage.py {words[0]}` failed (exit code {done.returncode}); see above.")
    return done.stdout.strip()


def welcome(port: int, logins: str) -> str:
    """Return what to tell the person once everything answers."""
    if settings.FLOW_IS_SANDBOX:
        flow = f"Flow:   the sandbox, {settings.SANDBOX_BASE_URL}/ (no money is spent)"
    else:
        flow = f"Flow:   {settings.FLOW_BASE_URL} (FLOW_BASE_URL; the sandbox is not started)"
    return f"\nReady:  http://127.0.0.1:{port}/admin/\n{flow}\n{logins}\nCtrl-C ends all of it.\n"


if __name__ == "__main__":
    sys.exit(main())
