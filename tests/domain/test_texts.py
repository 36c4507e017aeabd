"""What people wrote is kept without what a screen would not show as it is."""

import pytest

from campaigns.domain.texts import clean, is_hidden, one_line, sentence, turns


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("  two\r\nlines\rand\ta tab \n", "two\nlines\nand\ta tab"),
        ("nul\x00, bell\x07, escape\x1b[31m", "nul, bell, escape[31m"),
        ("\u202egpj.exe\u202c and \u2066x\u2069", "gpj.exe and x"),
        ("half a pair \ud800.", "half a pair ."),
        ("\x85\x00\u200f", ""),
        ("\u200b \u3164\u2060\u00ad\u2800\ufeff\u034f\ufff9\U000e0061", ""),
        ("a\u200bb", "a\u200bb"),
        ("Zoë · 9 m² · 👩‍👧", "Zoë · 9 m² · 👩‍👧"),
    ],
)
def test_control_characters_and_marks_of_direction_go(written: str, kept: str) -> None:
    assert clean(written) == kept


@pytest.mark.parametrize("mark", "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_marks_of_direction_are_told_from_letters_and_control_characters(mark: str) -> None:
    assert turns(mark) is True
    assert [turns(other) for other in "a\x00\n\u200b"] == [False] * 4


def test_one_line_is_cut_to_its_length() -> None:
    assert one_line("two\nlines", 20) == "two lines"
    assert one_line("two\nlines", 9) == "two lines"
    assert one_line("two lines", 8) == "two lin…"
    assert one_line("abcdef ghi", 8) == "abcdef…"


@pytest.mark.parametrize(
    ("letter", "hidden"),
    [("\x00", True), ("\n", True), ("\x9f", True), ("\ud800", True), ("\u202e", True), ("é", False), (" ", False)],
)
def test_letters_that_no_screen_shows_are_hidden(letter: str, hidden: bool) -> None:
    assert is_hidden(letter) is hidden


@pytest.mark.parametrize(("text", "whole"), [("Sold", "Sold."), ("Sold.", "Sold."), ("Why?", "Why?"), ("a…", "a…")])
def test_a_text_ends_as_a_sentence_does(text: str, whole: str) -> None:
    assert sentence(text) == whole
