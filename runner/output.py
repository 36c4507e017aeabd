"""What a person reads while the processes run: one line at a time, each with the name of who says it."""

import sys


def say(text: str, name: str = "run") -> None:
    """Print each line of the text with the name in front of it."""
    lines = "".join(f"{name:<8}| {line}\n" for line in text.splitlines() or [""])
    try:
        sys.stdout.write(lines)
        sys.stdout.flush()
    except OSError:
        # The terminal is gone. Nobody reads any more, but the processes still have to be ended in good order.
        return
