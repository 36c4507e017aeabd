"""`python -m tests.run.standins JSON`: the supervisor with a table of small programs in place of the real ones."""

import json
import sys

from runner.children import Process
from runner.probes import says
from runner.supervisor import Supervisor


def main() -> int:
    """Run the table in the first argument."""
    table = [
        Process(
            name=row["name"],
            argv=(sys.executable, "-c", row["code"]),
            answers=says(row.get("answers", "up")),
            patience=row.get("patience", 10),
            waiting_for=row.get("waiting_for", ""),
            cut_short=row.get("cut_short", ""),
            ends_last=row.get("ends_last", False),
        )
        for row in json.loads(sys.argv[1])
    ]
    return Supervisor(table, welcome="Ready: everything answers").run()


if __name__ == "__main__":
    sys.exit(main())
