"""`python -m tests.mutants [--resume] [MODULE…]`: change the program in small ways, one at a time; a test must fail each time.

What `make mutants` calls. `--resume` goes on after an interruption and tries again what has survived. Fails where less than
90 % of the changes were noticed, or where one that was not is missing in docs/mutants.md, which says why each is harmless.
"""

import argparse
import os
import subprocess
import sys
import tempfile

from tests import __main__ as passes
from tests.mutants import groups, report


def main(arguments: list[str]) -> int:
    """Try all mutants of the modules named, else of all; return 0 only if enough died and the rest is known."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--resume", action="store_true", help="keep what was found before; try the survivors again")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="such as campaigns/domain/states.py")
    options = parser.parse_args(arguments)
    if unknown := set(options.modules) - set(groups.all_modules()):
        parser.error(
            f"No mutants are made of {', '.join(sorted(unknown))}. There are: {', '.join(groups.all_modules())}."
        )
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        environment = {**passes.setting_free(os.environ), "TMPDIR": scratch, "MUTANTS_DATABASE": f"{scratch}/empty"}
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        subprocess.run(migrate, check=True, env={**environment, "DATABASE_URL": f"sqlite:///{scratch}/empty"})
        chosen = [each for group in groups.GROUPS if (each := group.only(options.modules)).modules]
        for group in chosen:
            groups.prepare(group, keep=options.resume)
            if subprocess.run([f"{sys.prefix}/bin/mutmut", "run"], cwd=group.folder, env=environment).returncode:
                passes.say(f"These tests must pass before anything is changed: pytest {' '.join(group.tests)}")
                return 1
    return report.judge([tally for group in chosen for tally in report.tallies(group)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
