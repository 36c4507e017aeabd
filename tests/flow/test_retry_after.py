import pytest

from campaigns.flow.retry import retry_after

NOW = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("1.5", 1.5),
        ("3600", 3600),
        ("3601", 3600),
        ("9" * 400, 3600),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30),
        ("Wed, 21 Oct 2015 07:28:30 -0000", 30),
        ("Wed, 21 Oct 2015 09:28:30 +0200", 30),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 3600),
        ("Wed, 21 Oct 2015 07:27:59 GMT", None),
        (None, None),
        ("", None),
        ("-5", None),
        ("+5", None),
        ("NaN", None),
        ("inf", None),
        ("1e3", None),
        ("٣", None),
        ("soon", None),
        ("5 seconds", None),
        ("Wed, 99 Oct 2015 07:28:30 GMT", None),
        ("Wed, 21 Oct 99999 07:28:30 GMT", None),
        ("Wed, 21 Oct 2015 07:28:30 +9999", None),
    ],
)
def test_is_read_as_seconds_from_now(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Wed, 21 Oct 2015 07:28:20 GMT", 10),
        ("Wed, 21 Oct 2015 06:28:20 GMT", 3600),
        ("Wed, 21 Oct 2015 07:28:31 GMT", None),
        ("yesterday", 30),
    ],
)
def test_a_date_is_one_of_the_clock_that_the_answer_was_given_by(date: str, seconds: float | None) -> None:
    assert retry_after("Wed, 21 Oct 2015 07:28:30 GMT", NOW, date) == seconds
    assert retry_after("7", NOW, date) == 7
