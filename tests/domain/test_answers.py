"""What another system answered is told in words: its message, and its fields by name, each in one line and cut."""

import json
from typing import Any

import pytest

from campaigns.domain.answers import Said, read


def facts(answer: Any) -> list[str]:
    return [f"{name}: {value}" for name, value in read(json.dumps(answer)).facts]


def test_the_message_stands_apart_from_the_other_fields() -> None:
    said = read('{"status": "valid", "message": "All is well.", "expectedCampaigns": 2}')
    assert said == Said("All is well.", (("Status", "valid"), ("Expected campaigns", "2")))


def test_an_error_is_the_message_before_anything_called_so() -> None:
    assert read('{"message": "Bad request", "error": "planRef is unknown"}') == Said(
        "planRef is unknown", (("Message", "Bad request"),)
    )


@pytest.mark.parametrize("message", [" ", True, None, ["x"]])
def test_what_is_no_text_is_no_message(message: Any) -> None:
    said = read(json.dumps({"error": message, "message": "Yes."}))
    assert said.message == "Yes."
    assert [name for name, _ in said.facts] == ["Error"]


def test_numbers_stay_as_they_are_written() -> None:
    assert read('{"a": 2928.10, "b": 12345678901234567890123, "c": 1e400, "d": NaN}').facts == (
        ("A", "2928.10"),
        ("B", "12345678901234567890123"),
        ("C", "1e400"),
        ("D", "NaN"),
    )


def test_yes_no_and_nothing_are_words() -> None:
    assert facts({"a": True, "b": False, "c": None, "d": []}) == ["A: yes", "B: no", "C: none", "D: none"]


def test_what_is_inside_is_told_with_where() -> None:
    answer = {"fields": {"planRef": "unknown", "ids": ["L1", "L2"]}, "listing_errors": [{"id": "L1"}, {"id": "L2"}]}
    assert facts(answer) == [
        "Fields, plan ref: unknown",
        "Fields, ids: L1, L2",
        "Listing errors 1, id: L1",
        "Listing errors 2, id: L2",
    ]


def test_what_is_too_deep_is_counted() -> None:
    assert facts({"a": {"b": {"c": {"d": 1, "e": 2}}}}) == ["A, b, c: 2 fields"]
    assert facts({"a": [[[{"d": 1, "e": 2}]]]}) == ["A 1 1: 2 fields"]


def test_an_answer_without_a_message_has_none() -> None:
    assert read('{"valid": true}') == Said("", (("Valid", "yes"),))


@pytest.mark.parametrize("answer", ["", "OK", "[1]", '"valid"', "7", '{"cut": "o', "[" * 100_000, "<script>"])
def test_what_is_no_object_says_nothing(answer: str) -> None:
    assert read(answer) == Said()


def test_long_and_hidden_texts_are_cut_and_cleaned() -> None:
    said = read(json.dumps({"message": "m" * 900, "n" * 90: "\u202e" + "v" * 900 + "\0", "line": "a\n b"}))
    assert said.message == "m" * 499 + "…"
    assert said.facts == (("N" + "n" * 58 + "…", "v" * 199 + "…"), ("Line", "a b"))


def test_only_the_first_twenty_fields_are_told() -> None:
    assert [name for name, _ in read(json.dumps(dict.fromkeys(map(str, range(30)), 1))).facts] == [
        str(number) for number in range(20)
    ]
