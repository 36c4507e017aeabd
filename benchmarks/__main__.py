"""`make bench`: measure, print a table of ratios and write it to docs/benchmarks.md."""

import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

CAMPAIGNS = 400
ANSWER_SECONDS = 0.05
IN_FLIGHT = 32
RUNS = 3


def main() -> None:
    """Run the rows on a database and a Flow of their own."""
    flow = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.slow_flow", str(ANSWER_SECONDS)], stdout=subprocess.PIPE, text=True
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            port = flow.stdout.readline().strip() if flow.stdout else ""
            os.environ |= {
                "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
                "FLOW_BASE_URL": f"http://127.0.0.1:{port}",
                "FLOW_CONCURRENCY": str(IN_FLIGHT),
                "FLOW_MAX_PER_SECOND": "100000",
                "DJANGO_SETTINGS_MODULE": "flowsite.settings",
            }
            report = measure()
    finally:
        flow.kill()
        flow.wait()
    print(report)
    Path("docs/benchmarks.md").write_text(report)


def measure() -> str:
    """Measure both designs, taking turns, and return the table."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from benchmarks import sync

    sync.make_campaigns(CAMPAIGNS)
    pairs = [(sync.seconds(sync.ours), sync.seconds(sync.one_by_one)) for _ in range(RUNS)]
    ours, plain = (statistics.median(column) for column in zip(*pairs, strict=True))
    ideal = CAMPAIGNS * ANSWER_SECONDS / IN_FLIGHT
    return f"""# Benchmarks

Made by `make bench`: medians of {RUNS} runs that take turns on the same machine. Read the ratios; seconds are this machine's
({os.cpu_count()} processors, Python {platform.python_version()}, Django {django.__version__}, SQLite).

| row | work | faster than one by one | share of the ideal | ours | one by one | ideal |
|---|---|---|---|---|---|---|
| sync | {CAMPAIGNS} due campaigns, answers after {ANSWER_SECONDS * 1000:.0f} ms, {IN_FLIGHT} in flight, written | \
{plain / ours:.1f} × | {ideal / ours:.2f} | {ours:.2f} s | {plain:.2f} s | {ideal:.2f} s |
"""


if __name__ == "__main__":
    main()
