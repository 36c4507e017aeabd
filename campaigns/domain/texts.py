"""Texts that people wrote: without what a screen would not show as it is."""

import re

_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Control characters, halves of pairs, and what turns all that follows: U+202E would show “gpj.exe” as “exe.jpg”.
_HIDDEN = re.compile(f"[\x00-\x1f\x7f-\x9f\ud800-\udfff{''.join(sorted(_TURNS))}]")
# What is there and leaves no mark: of such letters alone a reason could be made that nobody reads.
_UNSEEN = re.compile(
    "[\\s\u00ad\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\u034f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e01ef]+"
)
_NEVER_SHOWN = re.compile(f"(?![\n\r\t]){_HIDDEN.pattern}")


def is_hidden(letter: str) -> bool:
    """Tell whether a letter is a control character, half of a pair, or turns the direction of what stands around it."""
    return _HIDDEN.fullmatch(letter) is not None


def turns(letter: str) -> bool:
    """Tell whether a letter is a mark of direction."""
    return letter in _TURNS


def clean(text: str) -> str:
    """Return the text without control characters and marks of direction; line ends and tabs stay, spaces around it go.

    Nothing is left of a text in which nothing is to be seen.
    """
    words = without_hidden(text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    return "" if not words.isascii() and _UNSEEN.fullmatch(words) else words


def without_hidden(text: str) -> str:
    """Return the text without control characters and marks of direction; line ends, tabs and spaces stay."""
    return _NEVER_SHOWN.sub("", text)


def one_line(text: str, length: int) -> str:
    """Return the text cleaned, in one line, cut to `length` characters."""
    line = " ".join(clean(text).split())
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"


def sentence(text: str) -> str:
    """Return the text with a full stop, so that another sentence can follow, unless it ends as one already."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
