"""Names and values survive the way through the sqlite3 program."""

import sqlite3
import subprocess
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.records import Value
from fleetsave.sources.sqlite.quoting import parse_row, sql_text, uri


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_text_becomes_its_own_literal(text: str) -> None:
    with sqlite3.connect(":memory:") as connection:
        assert connection.execute(f"SELECT {sql_text(text)}").fetchone() == (text,)


@given(st.binary(min_size=1).filter(lambda raw: b"\0" not in raw))
def test_every_byte_of_a_path_survives_a_uri(raw: bytes) -> None:
    path = "/" + raw.decode("utf-8", "surrogateescape")
    made = uri(path, "?mode=ro")
    assert made.isascii()
    assert made.count("?") == 1
    assert "#" not in made
    assert unquote_to_bytes(made.removeprefix("file:").removesuffix("?mode=ro")) == b"/" + raw


def test_rows_come_back_as_the_program_was_given_them() -> None:
    rows: list[list[Value]] = [
        [1, None, "it's", 2.5],
        ["a,b\nc", -(2**63), ""],
        ["'", "''", "NULL", "X'00'"],
        [0.1 + 0.2, 1e300, -1e-9],
    ]
    for row in rows:
        sql = "SELECT " + ", ".join(sql_text(v) if isinstance(v, str) else "NULL" if v is None else repr(v) for v in row)
        command = ["sqlite3", "-batch", "-init", "/dev/null", "-cmd", ".mode quote", ":memory:", sql]
        assert parse_row(subprocess.run(command, check=True, capture_output=True).stdout.decode()) == pytest.approx(row)


def test_only_the_first_row_counts_and_none_is_none() -> None:
    assert parse_row("1,'a'\n2,'b'\n") == [1, "a"]
    assert parse_row("") == []


@pytest.mark.parametrize("output", ["X'00'\n", "Inf\n", "9.0e+999\n", "-9.0e+999\n", "'open", ",1"])
def test_what_a_record_cannot_hold_is_refused(output: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_row(output)
