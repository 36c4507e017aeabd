"""Texts that people wrote: without what a screen would not show as it is."""

import unicodedata

# Half of a pair, and what turns the direction of all that follows: U+202E would show “gpj.exe” as “exe.jpg”.
_UNSEEN = {"Cc", "Cs"}
_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def is_hidden(letter: str) -> bool:
    """Tell whether a letter is a control character, half of a pair, or turns the direction of what stands around it."""
    return letter in _TURNS or unicodedata.category(letter) in _UNSEEN


def turns(letter: str) -> bool:
    """Tell whether a letter is a mark of direction."""
    return letter in _TURNS


def clean(text: str) -> str:
    """Return the text without control characters and marks of direction; line ends and tabs stay, spaces around it go."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(letter for letter in lines if letter in "\n\t" or not is_hidden(letter)).strip()


def one_line(text: str, length: int) -> str:
    """Return the text cleaned, in one line, cut to `length` characters."""
    line = " ".join(clean(text).split())
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"
