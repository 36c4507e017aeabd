"""`import_catalogue` as people and scripts run it."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.commands.console import Console
from tests.services.catalogue_files import workbook

GOOD = "external_id,name\nB1,Sandton\nB2,Menlyn\n"


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "branches.csv"
    path.write_text(GOOD, encoding="utf-8")
    return str(path)


def test_people_read_what_was_done_and_a_second_time_that_nothing_changes(console: Console, good: str) -> None:
    first = console.run("import_catalogue", "branches", good)
    second = console.run("import_catalogue", "branches", good)

    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == "Branches: 2 were added, 0 changed, 0 left as they are.\n"
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout == "Nothing to change: all 2 branches are in the catalogue just as branches.csv says.\n"


def test_scripts_read_data_alone_on_stdout(console: Console, good: str) -> None:
    done = console.run("import_catalogue", "branches", good, "--json")

    assert json.loads(done.stdout) == {
        "kind": "branches",
        "file": "branches.csv",
        "dry_run": False,
        "created": 2,
        "changed": 0,
        "unchanged": 0,
        "errors": [],
        "notes": [],
    }
    assert done.stderr == "Branches: 2 were added, 0 changed, 0 left as they are.\n"


def test_a_dry_run_says_what_would_change_and_changes_nothing(console: Console, good: str) -> None:
    dry = console.run("import_catalogue", "branches", good, "--dry-run")

    assert (dry.returncode, dry.stdout) == (0, "Branches: 2 would be added, 0 changed, 0 left as they are.\n")
    assert console.json("import_catalogue", "branches", good)["created"] == 2


def test_errors_are_told_with_line_and_column_and_nothing_is_imported(console: Console, tmp_path: Path) -> None:
    path = tmp_path / "branches.csv"
    path.write_text(GOOD + "B 3,Hill\nB4,\n", encoding="utf-8")

    done = console.run("import_catalogue", "branches", str(path), "--json")

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Line 4, column external_id: An id has letters, digits and signs of plain ASCII only, without spaces. "
        "Copy it from Flow exactly as it stands there.",
        "Line 5, column name: The cell is empty. Fill it in.",
        "Nothing was imported: 2 errors in branches.csv. Mend the file and import it again.",
    ]
    data = json.loads(done.stdout)
    assert data["errors"][1] == {"line": 5, "column": "name", "message": "The cell is empty. Fill it in."}
    path.write_text(GOOD, encoding="utf-8")
    assert console.json("import_catalogue", "branches", str(path))["created"] == 2


def test_a_workbook_is_read_and_its_rows_are_called_rows(console: Console, tmp_path: Path) -> None:
    path = tmp_path / "branches.xlsx"
    path.write_bytes(workbook([("external_id", "name"), (12585873, "=A2")]))

    done = console.run("import_catalogue", "branches", str(path))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Row 2, column name: Cell B2 holds a formula")


def test_an_unknown_kind_is_wrong_usage(console: Console, good: str) -> None:
    done = console.run("import_catalogue", "offices", good, "--json")

    assert (done.returncode, done.stdout) == (2, "")
    assert "invalid choice: 'offices' (choose from 'branches', 'agents', 'plans', 'listings')" in done.stderr


@pytest.mark.parametrize(("name", "why"), [("missing.csv", "No such file or directory"), ("", "Is a directory")])
def test_a_file_that_cannot_be_read_is_told_in_a_sentence(
    console: Console, tmp_path: Path, name: str, why: str
) -> None:
    done = console.run("import_catalogue", "branches", str(tmp_path / name))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{tmp_path / name} can't be read: {why}. Nothing was imported.\n"


def test_missing_tables_are_told_with_the_remedy(tmp_path: Path, good: str) -> None:
    done = Console(tmp_path / "new.sqlite3").run("import_catalogue", "branches", good)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "The database lacks tables or columns. Run `python manage.py migrate`, then this command again.\n"
    )


def test_signs_that_steer_a_terminal_are_shown_and_not_sent(console: Console, tmp_path: Path) -> None:
    path = tmp_path / "branches.csv"
    path.write_text("external_id,na\x1b[2Jme\nB1,Sandton\n", encoding="utf-8")

    done = console.run("import_catalogue", "branches", str(path))

    assert "\x1b" not in done.stderr
    assert done.stderr.startswith("Line 1, column na\\x1b[2jme: The column is not known.")


def test_a_terminal_without_the_characters_gets_the_message_all_the_same(console: Console, tmp_path: Path) -> None:
    path = tmp_path / "branches.csv"
    path.write_text("external_id;name\nB1;Éire\n", encoding="utf-8")

    done = console.run("import_catalogue", "branches", str(path), PYTHONIOENCODING="ascii")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("Branches: 1 were added, 0 changed, 0 left as they are.\n")


def test_the_work_is_done_although_nobody_reads_the_output_any_more(console: Console, good: str) -> None:
    words = (*console.command, "import_catalogue", "branches", good)
    process = subprocess.Popen(
        words, env=console.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()

    errors = process.stderr.read()
    process.stderr.close()

    assert (process.wait(60), errors) == (0, "")
    assert console.json("import_catalogue", "branches", good)["unchanged"] == 2
