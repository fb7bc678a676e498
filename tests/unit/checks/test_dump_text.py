"""The text of a dump is whole and is the one that was recorded; the system's collations that it names are noticed on the way."""

from dataclasses import replace

import pytest

from fleetsave.checks import dump_text
from fleetsave.checks.dump_text import TextRead, block_differences
from fleetsave.model.dumps import DumpReport
from fleetsave.model.records import Level, Outcome
from tests.fixtures.dump_records import dump_record

TEXT = b"""--
-- PostgreSQL database dump
--

\\restrict 1234

-- Dumped from database version 16.15
-- Dumped by pg_dump version 18.6

--
-- Name: t; Type: TABLE; Schema: public; Owner: app
--

CREATE TABLE public.t (a text COLLATE pg_catalog."en_US.utf8", b text COLLATE "de_DE.utf8");

--
-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: app
--

COPY public.t (a, b) FROM stdin;
1	one
2	two
\\.


--
-- PostgreSQL database dump complete
--

\\unrestrict 1234

"""


def read(text: bytes, *, chunk: int = 1 << 20) -> TextRead:
    return dump_text.read((text[start : start + chunk] for start in range(0, len(text), chunk)), "utf-8")


REPORT: DumpReport = replace(dump_record().dump, text=read(TEXT).text)


@pytest.mark.parametrize("chunk", [1, 7, 50, 1 << 20])
def test_the_recorded_text_passes_however_it_comes(chunk: int) -> None:
    found = read(TEXT, chunk=chunk)
    (finding,) = dump_text.check(REPORT, found)
    assert (finding.outcome, finding.level) == (Outcome.PASSED, Level.COMPLETE)
    assert "2 rows in 1 tables" in finding.detail
    assert found.collations == {"en_US.utf8", "de_DE.utf8"}
    assert b"-- Dumped from database version 16.15" in found.head
    assert found.objects == {
        "-- Name: t; Type: TABLE; Schema: public; Owner: app",
        "-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: app",
    }


DAMAGE = {
    "cut at the end of a row": (TEXT[: TEXT.index(b"2\ttwo")], "public.t has 1 rows, not 2"),
    "cut after the data": (TEXT[: TEXT.index(b"--\n-- PostgreSQL database dump complete")], "does not end as a whole dump"),
    "a value changed": (TEXT.replace(b"two", b"too"), "public.t has other values in its 2 rows"),
    "a definition changed": (TEXT.replace(b"b text", b"c text", 1), "the definitions are not those"),
    "a table missing": (TEXT.replace(b"COPY public.t", b"COPY public.u"), "public.t is missing; public.u is new"),
    "something after the end": (TEXT + b"DROP TABLE public.t;\n", "does not end as a whole dump"),
    "the key changed": (TEXT.replace(b"1234", b"4321"), "sha256 of the text"),
    "nothing": (b"", "public.t is missing"),
}


@pytest.mark.parametrize("damage", sorted(DAMAGE))
def test_what_differs_is_told(damage: str) -> None:
    text, said = DAMAGE[damage]
    (finding,) = dump_text.check(REPORT, read(text))
    assert finding.outcome is Outcome.FAILED
    assert said in finding.detail


def test_only_the_first_of_many_tables_are_named() -> None:
    blocks = {f"public.t{number}": block for number in range(20) for block in REPORT.text.blocks.values()}
    told = block_differences(replace(REPORT.text, blocks=blocks), replace(REPORT.text, blocks={}))
    assert len(told) == 6
    assert told[-1] == "and 15 more"


def test_a_table_full_of_names_of_collations_is_no_burden() -> None:
    row = "".join(f'COLLATE "made_up_{number}" ' for number in range(500)) + "\n"
    assert len(read(TEXT.replace(b"2\ttwo\n", row.encode()), chunk=50).collations) <= 102
