"""A dump keeps its text but for its key, which nobody knows who wrote it."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.postgres.guarding import HEAD_BYTES, TAIL_BYTES, guarded

KEY = b"0123456789abcdef" * 3
DUMP = (
    b"--\n-- PostgreSQL database dump\n--\n\n\\restrict %s\n\n" % KEY
    + b"SELECT 1;\n" * 2000
    + b"-- complete\n--\n\n\\unrestrict %s\n\n" % KEY
)


def of(text: bytes, size: int = 1 << 16) -> bytes:
    return b"".join(guarded(text[start : start + size] for start in range(0, len(text), size)))


def new_key(text: bytes) -> bytes:
    found = re.search(rb"^\\restrict (\S+)$", text, re.MULTILINE)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("size", [1, 7, TAIL_BYTES, HEAD_BYTES, 1 << 20])
def test_the_key_is_another_each_time_and_nothing_else_is(size: int) -> None:
    one, other = of(DUMP, size), of(DUMP, size)
    assert len({KEY, new_key(one), new_key(other)}) == 3
    begin = b"\\restrict %s\n"
    assert one.replace(new_key(one), KEY) == begin % KEY + DUMP.replace(begin % KEY, b"", 1)
    assert len(one) == len(DUMP)


def test_a_text_without_a_guard_gets_one_that_is_never_lifted() -> None:
    text = of(b"SELECT 1;\n")
    assert text == b"\\restrict %s\nSELECT 1;\n" % new_key(text)


@pytest.mark.parametrize("before", [b"", b"--\n", b"-- x\r\\! id\n", b"--\0\n", b"\xef\xbb\xbf", b"\\! id\n", b" "])
def test_the_guard_is_the_first_line_whatever_stands_before_the_dump_s_own(before: bytes) -> None:
    text = of(before + DUMP)
    assert text.startswith(b"\\restrict %s\n" % new_key(text))
    assert new_key(text) != KEY


def test_a_short_key_is_replaced_by_one_that_cannot_be_guessed() -> None:
    assert len(new_key(of(b"\\restrict a\nSELECT 1;\n\\unrestrict a\n"))) >= 32


def test_a_guard_that_is_lifted_in_between_stays_with_the_key_that_does_not_fit() -> None:
    hostile = b"\\restrict %s\n\\unrestrict %s\n\\! id\n" % (KEY, KEY)
    assert b"\\unrestrict %s\n\\! id\n" % KEY in of(hostile)
    assert new_key(of(hostile)) != KEY


@pytest.mark.parametrize("key", [b"u", b"restrict", b"n"])
def test_the_guard_is_lifted_at_the_end_whatever_the_key_was(key: bytes) -> None:
    text = of(b"\\restrict %s\nSELECT 1;\n\\unrestrict %s\n\n" % (key, key))
    assert text.endswith(b"\n\\unrestrict %s\n\n" % new_key(text))


@given(st.binary(max_size=3000).filter(lambda content: b"\\restrict" not in content), st.integers(1, 500))
def test_whatever_it_is_no_byte_is_lost_or_added_but_the_guard(content: bytes, size: int) -> None:
    text = of(content, size)
    assert text == b"\\restrict %s\n" % new_key(text) + content


def test_what_the_source_raises_goes_through() -> None:
    def failing() -> Iterator[bytes]:
        yield DUMP
        raise OSError("the store went away")

    with pytest.raises(OSError, match="went away"):
        list(guarded(failing()))
