"""The real runner, `python -m runner`, with ports and data of its own."""

import sys
from contextlib import AbstractContextManager
from pathlib import Path

from tests.run.running import Running, running
from tests.servers import free_port


class Console:
    """Where one runner keeps its data and which ports it takes. Each start uses the same."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.sandbox_port = free_port()
        self.database = folder / "db.sqlite3"
        self.environment: dict[str, str | None] = {
            "PORT": str(self.port),
            "SANDBOX_PORT": str(self.sandbox_port),
            "DATABASE_URL": f"sqlite:///{self.database}",
            "CELERY_BROKER_URL": None,
            "BROKER_DIR": str(folder / "broker"),
            "SANDBOX_STATE": str(folder / "sandbox.sqlite3"),
            "FLOW_BASE_URL": None,
        }

    @property
    def url(self) -> str:
        """The address of the console."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def sandbox_url(self) -> str:
        """The address of the sandbox."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    def start(self, **env: str | None) -> AbstractContextManager[Running]:
        """Start the runner, with further variables."""
        return running([sys.executable, "-m", "runner"], {**self.environment, **env})
