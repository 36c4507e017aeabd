"""Which modules are changed, which tests must notice, and the folder in which that happens."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = ("campaigns", "flowsite", "runner", "sandbox", "tests", "templates", "manage.py", "pyproject.toml")
TESTS_TAKE_AT_MOST = 30  # seconds each: one that hangs has noticed


@dataclass(frozen=True)
class Group:
    """Modules whose changes the same tests must notice."""

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Return where the copy lies in which the modules are changed."""
        return ROOT / "var" / "mutants" / self.name

    def only(self, modules: list[str]) -> "Group":
        """Return the group with those of its modules alone; all of them where none is named."""
        return replace(self, modules=tuple(each for each in self.modules if not modules or each in modules))


def _modules(*patterns: str) -> tuple[str, ...]:
    found = sorted(path for pattern in patterns for path in ROOT.glob(pattern) if path.name != "__init__.py")
    return tuple(str(path.relative_to(ROOT)) for path in found)


SERVICES = ["publishing", "dry_runs", "recording", "settling", "commands", "moves"]
THEIR_TESTS = [
    "branch_scope",
    "publish*",
    "*_command",
    "dry_run",
    "heartbeats",
    "late_answers",
    "moves",
    "recover_leases",
    "right_to_spend",
    "settle",
    "watching",
]
GROUPS = (
    Group("domain", _modules("campaigns/domain/*.py"), ("tests/domain",)),
    Group("flow", _modules("campaigns/flow/*.py"), ("tests/flow",)),
    Group(
        "services",
        _modules(*(f"campaigns/services/{name}.py" for name in SERVICES)),
        _modules(*(f"tests/services/test_{name}.py" for name in THEIR_TESTS)),
    ),
)


def all_modules() -> tuple[str, ...]:
    """Return the modules of all groups."""
    return tuple(module for group in GROUPS for module in group.modules)


def prepare(group: Group, *, keep: bool) -> None:
    """Copy the project into the group's folder, with mutmut's settings; `keep` what was found of killed mutants before."""
    if not keep:
        shutil.rmtree(group.folder, ignore_errors=True)
    group.folder.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        there = group.folder / name
        if (ROOT / name).is_dir():
            shutil.rmtree(there, ignore_errors=True)
            shutil.copytree(ROOT / name, there, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, there)
    (group.folder / "setup.cfg").write_text(settings(group))
    for notes in results(group):
        _try_again(notes)


def _try_again(notes: Path) -> None:
    """Let a module be changed anew; mutmut keeps what its notes say of functions that are as they were."""
    notes.with_suffix("").unlink(missing_ok=True)
    facts = json.loads(notes.read_text())
    tried = facts["exit_code_by_key"]
    facts["exit_code_by_key"] = {name: code if code == 1 else None for name, code in tried.items()}
    notes.write_text(json.dumps(facts))


def results(group: Group) -> list[Path]:
    """Return the files in which mutmut notes what became of each mutant."""
    files = (group.folder / "mutants" / f"{module}.meta" for module in group.modules)
    return [file for file in files if file.exists()]


def settings(group: Group) -> str:
    """Return mutmut's settings for the group, as the text of a setup.cfg."""
    values: dict[str, tuple[str, ...]] = {
        "source_paths": ("campaigns",),
        "only_mutate": group.modules,
        "also_copy": COPIED[1:],
        "pytest_add_cli_args_test_selection": group.tests,
        "pytest_add_cli_args": (
            *("-p", "tests.mutants.plugin", "-p", "no:cacheprovider", "--reuse-db"),
            f"--timeout={TESTS_TAKE_AT_MOST}",
        ),
        # The server that forks has imported everything and run nothing: no thread or connection is inherited.
        "process_isolation": ("forkserver",),
        "timeout_constant": ("10.0",),  # seconds more than the tests of a mutant take together
        "timeout_multiplier": ("10.0",),
        "use_git_change_detection": ("false",),
    }
    lines = [
        f"{name} =\n" + "".join(f"    {each}\n" for each in given) for name, given in values.items() if len(given) > 1
    ]
    lines += [f"{name} = {given[0]}\n" for name, given in values.items() if len(given) == 1]
    return "[mutmut]\n" + "".join(lines)
