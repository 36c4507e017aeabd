"""The commands as a shell runs them: a process of their own, on a database of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Console:
    """`manage.py` on one SQLite database."""

    def __init__(self, database: Path, **settings: str) -> None:
        self.command = (sys.executable, str(ROOT / "manage.py"))
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "flowsite.settings",
            "DATABASE_URL": f"sqlite:///{database}",
            **settings,
        }

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            (*self.command, *words),
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    def json(self, *words: str) -> Any:
        """Run a command that must succeed with `--json`; return its data."""
        done = self.run(*words, "--json")
        if done.returncode:
            raise AssertionError(f"{words} ended with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)
