"""Names are written one way, whoever tells them, and are SQL whatever they hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.postgres.names import identifier, literal, qualified, read_qualified

names = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=63)


@given(names, names)
def test_a_name_is_read_back_from_its_sql_as_it_is_written(schema: str, name: str) -> None:
    assert read_qualified(f"{identifier(schema)}.{identifier(name)} (a, b) FROM stdin;") == qualified(schema, name)


@pytest.mark.parametrize(
    ("sql", "written"),
    [
        ("public.accounts (id)", "public.accounts"),
        ('public."user" (id)', "public.user"),
        ('"Game"."Spieler-1" (id)', '"Game"."Spieler-1"'),
        ("public.none  FROM stdin;", "public.none"),
        ('public."a.b" (x)', 'public."a.b"'),
    ],
)
def test_keywords_and_odd_names_are_written_as_everywhere(sql: str, written: str) -> None:
    assert read_qualified(sql) == written


def test_what_is_no_name_is_none() -> None:
    assert read_qualified("FROM stdin;") is None


def test_quotes_are_doubled() -> None:
    assert identifier('a"b') == '"a""b"'
    assert literal("it's") == "'it''s'"
