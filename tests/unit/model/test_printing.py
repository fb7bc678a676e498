import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.printing import printable


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("two\nlines", "two\\nlines"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("no-break\xa0space", "no-break\\xa0space"),
        ("half \udc80", "half \\udc80"),
        ("Grüße, 世界", "Grüße, 世界"),
    ],
)
def test_what_is_not_printable_is_shown_as_its_escape(given_text: str, shown: str) -> None:
    assert printable(given_text) == shown


@given(st.text())
def test_whatever_is_given_can_be_printed_on_one_line(text: str) -> None:
    assert printable(text).isprintable()
