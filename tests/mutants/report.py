"""What became of the mutants: a table, and the survivors that docs/mutants.md does not know."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mutmut.mutation.diff_apply import get_diff_for_mutant

from tests.__main__ import say
from tests.mutants.groups import ROOT, Group, results

KNOWN = ROOT / "docs" / "mutants.md"
WANTED = 0.9
KILLED = (1, 2, 3)  # pytest: a test failed, an interruption came through, or pytest itself broke
TIMED_OUT = (-24, 24, 36, 152)  # mutmut ended the tests by SIGXCPU


@dataclass(frozen=True)
class Tally:
    """What became of the mutants of one module; each survivor as a line of words."""

    module: str
    counts: Counter[str]
    survivors: tuple[str, ...]

    @property
    def made(self) -> int:
        """Return how many mutants there were."""
        return self.counts.total()

    @property
    def score(self) -> float:
        """Return which part of them a test has noticed, or stood still over."""
        return 1 - self.counts["survived"] / self.made if self.made else 1


def tallies(group: Group) -> Iterator[Tally]:
    """Count the mutants of each module of the group, from mutmut's own notes."""
    for found in results(group):
        module = str(found.relative_to(group.folder / "mutants").with_suffix(""))
        verdicts = {name: _verdict(code) for name, code in json.loads(found.read_text())["exit_code_by_key"].items()}
        with contextlib.chdir(group.folder):
            survivors = [describe(module, name) for name, verdict in verdicts.items() if verdict == "survived"]
        yield Tally(module, Counter(verdicts.values()), tuple(survivors))


def _verdict(code: int | None) -> str:
    """Say what an exit code of a mutant's tests means: one that no test reaches, or that was not tried, has survived, too."""
    if code in KILLED:
        return "killed"
    return "timed out" if code in TIMED_OUT else "survived"


def describe(module: str, mutant: str) -> str:
    """Return the module, the function and the lines that the mutant changes, in one line."""
    function = (
        mutant.rpartition(".")[2].rpartition("__mutmut_")[0].removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    )
    diff = get_diff_for_mutant(mutant, path=Path(module)).splitlines()[2:]
    removed, added = (" ".join(line[1:].strip() for line in diff if line.startswith(sign)) for sign in "-+")
    return f"{module} {function}: {removed} → {added}"


def judge(found: list[Tally]) -> int:
    """Print the table and the survivors that are not known; return 1 where too many or unknown ones survived."""
    total = Tally("all", sum((tally.counts for tally in found), Counter()), ())
    say(f"\n{'module':36} {'mutants':>8} {'killed':>8} {'survived':>8} {'timed out':>9} {'score':>7}")
    for tally in (*found, total):
        killed, survived, timed_out = (tally.counts[name] for name in ("killed", "survived", "timed out"))
        say(f"{tally.module:36} {tally.made:8} {killed:8} {survived:8} {timed_out:9} {tally.score:7.1%}")
    listed = {line.strip() for line in KNOWN.read_text().splitlines()}
    unknown = [f"    {words}" for tally in found for words in tally.survivors if words not in listed]
    if unknown:
        say(f"\n{len(unknown)} survivors are not in docs/mutants.md:\n" + "\n".join(unknown))
    return int(bool(unknown) or total.score < WANTED)
