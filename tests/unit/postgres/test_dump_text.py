"""A dump's text tells whether it is whole and what it holds, however it is cut into pieces."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.dumps import LARGE_OBJECTS, SEQUENCE_VALUES, Block
from fleetsave.postgres.dump_text import DumpTextReader

ROWS = b"1\tone\n2\ttwo\\nlines\n3\t\\N\n4\t\\\\.\n"
TEXT = (
    b"--\n-- PostgreSQL database dump\n--\n\n\\restrict KEY\n\n"
    b"-- Dumped from database version 16.15\n-- Dumped by pg_dump version 18.6\n\nSET statement_timeout = 0;\n"
    b"--\n-- Name: speak(); Type: FUNCTION; Schema: public; Owner: game\n--\n\n"
    b"CREATE FUNCTION public.speak() RETURNS text LANGUAGE sql AS $$\nCOPY public.fake (x) FROM stdin;\n$$;\n\n"
    b"--\n-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: game\n--\n\n"
    b"COPY public.t (id, t) FROM stdin;\n" + ROWS + b"\\.\n\n\n"
    b"--\n-- Data for Name: Odd; Type: TABLE DATA; Schema: public; Owner: game\n--\n\n"
    b'COPY public."Odd ""N\name" (x) FROM stdin;\n\\.\n\n\n'
    b"--\n-- Data for Name: none; Type: TABLE DATA; Schema: public; Owner: game\n--\n\n"
    b"COPY public.none  FROM stdin;\n\n\n\\.\n\n\n"
    b"--\n-- Name: t_id_seq; Type: SEQUENCE SET; Schema: public; Owner: game\n--\n\n"
    b"SELECT pg_catalog.setval('public.t_id_seq', 4, true);\n\n\n"
    b"BEGIN;\n\nSELECT pg_catalog.lo_open('16436', 131072);\nSELECT pg_catalog.lowrite(0, '\\x616263');\n"
    b"SELECT pg_catalog.lo_close(0);\n\nCOMMIT;\n\n"
    b"--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict KEY\n\n"
)


def read(text: bytes, *, piece: int = 1 << 20) -> DumpTextReader:
    reader = DumpTextReader()
    for start in range(0, len(text), piece):
        reader.feed(text[start : start + piece])
    return reader


def test_every_table_is_counted_and_hashed_by_itself() -> None:
    blocks = read(TEXT).result().blocks
    assert blocks["public.t"] == Block(4, hashlib.sha256(ROWS).hexdigest())
    assert blocks['public."Odd ""N\name"'].rows == 0
    assert blocks["public.none"].rows == 2
    assert blocks[SEQUENCE_VALUES].rows == 1
    assert blocks[LARGE_OBJECTS].rows == 3
    assert len(blocks) == 5, "a line within a function's body is no table"


def test_the_whole_is_hashed_as_it_is() -> None:
    result = read(TEXT).result()
    assert (result.sha256, result.size) == (hashlib.sha256(TEXT).hexdigest(), len(TEXT))


@given(st.integers(1, 400))
def test_how_it_is_cut_makes_no_difference(piece: int) -> None:
    whole, cut = read(TEXT), read(TEXT, piece=piece)
    assert cut.result() == whole.result()
    assert cut.objects == whole.objects
    assert cut.is_complete


@given(st.integers(0, len(TEXT) - 1))
def test_no_beginning_of_it_is_complete_before_the_end_marker(length: int) -> None:
    marker = TEXT.index(b"-- PostgreSQL database dump complete\n") + len(b"-- PostgreSQL database dump complete\n")
    assert read(TEXT[:length], piece=100).is_complete is (length >= marker and TEXT[:length].endswith(b"\n"))


def test_nothing_of_weight_may_follow_the_end() -> None:
    assert not read(TEXT + b"DROP TABLE t;\n").is_complete
    assert not read(TEXT + b"DROP TABLE t;").is_complete


def test_versions_and_the_guard_do_not_change_the_schema_but_everything_else_does() -> None:
    schema = read(TEXT).result().schema_sha256
    assert read(TEXT.replace(b"KEY", b"OTHER").replace(b"16.15", b"18.6")).result().schema_sha256 == schema
    assert read(TEXT.replace(b"3\t\\N\n", b"")).result().schema_sha256 == schema, "rows are no schema"
    assert read(TEXT.replace(b"statement_timeout", b"lock_timeout")).result().schema_sha256 != schema
    assert read(TEXT.replace(b"(id, t)", b"(t, id)")).result().schema_sha256 != schema


def test_the_objects_are_those_of_pg_dumps_comments() -> None:
    assert "-- Name: speak(); Type: FUNCTION; Schema: public; Owner: game" in read(TEXT).objects
    assert len(read(TEXT).objects) == 5


@pytest.mark.parametrize("rows", [b"", b"\n", b"x\n" * 3, b"\\N\n", b"\\\\.\n", b"\\.x\n"])
def test_rows_that_look_like_the_end_are_rows(rows: bytes) -> None:
    text = TEXT.replace(ROWS, rows)
    assert read(text, piece=3).result().blocks["public.t"] == Block(rows.count(b"\n"), hashlib.sha256(rows).hexdigest())
    assert read(text).is_complete


def test_names_are_read_in_the_encoding_of_the_database() -> None:
    reader = DumpTextReader("iso8859-1")
    reader.feed(TEXT.replace(b"COPY public.t ", b'COPY public."caf\xe9" '))
    assert 'public."café"' in reader.result().blocks


def test_what_somebody_else_hashes_is_not_hashed_twice() -> None:
    reader = DumpTextReader(hash_whole=False)
    reader.feed(TEXT)
    assert reader.result().sha256 == ""
    assert reader.result().blocks == read(TEXT).result().blocks
