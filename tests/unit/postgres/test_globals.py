"""The object beside a dump is read as statements, whatever the names and comments in it try."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.errors import InvalidInputError
from fleetsave.postgres.globals import for_throwaway, read_statements
from fleetsave.postgres.names import identifier, literal

DUMPED = rb"""--
-- PostgreSQL database cluster dump
--

\restrict 1234

SET default_transaction_read_only = off;

SET client_encoding = 'UTF8';

--
-- Roles; "it's
--

CREATE ROLE app;
ALTER ROLE app WITH NOSUPERUSER INHERIT LOGIN;
COMMENT ON ROLE app IS E'it''s; -- no comment
\\! echo \\';
CREATE ROLE "o'd; x";
ALTER ROLE app SET search_path TO 'game', 'public';
ALTER ROLE "o'd; x" IN DATABASE "my db" SET work_mem TO '1GB';
GRANT app TO "o'd; x" WITH ADMIN OPTION, INHERIT TRUE GRANTED BY postgres;
CREATE TABLESPACE "fast; disk" OWNER "o'd; x" LOCATION '/mnt/it''s fast';
ALTER TABLESPACE "fast; disk" SET (random_page_cost=1.1);

\unrestrict 1234

--
-- PostgreSQL database cluster dump complete
--

-- The database itself:
-- CREATE DATABASE "game" TEMPLATE template0;
"""


def test_comments_and_psqls_own_commands_are_left_out() -> None:
    assert read_statements(DUMPED) == [
        b"SET default_transaction_read_only = off",
        b"SET client_encoding = 'UTF8'",
        b"CREATE ROLE app",
        b"ALTER ROLE app WITH NOSUPERUSER INHERIT LOGIN",
        b"COMMENT ON ROLE app IS E'it''s; -- no comment\n\\\\! echo \\\\'",
        b'CREATE ROLE "o\'d; x"',
        b"ALTER ROLE app SET search_path TO 'game', 'public'",
        b'ALTER ROLE "o\'d; x" IN DATABASE "my db" SET work_mem TO \'1GB\'',
        b'GRANT app TO "o\'d; x" WITH ADMIN OPTION, INHERIT TRUE GRANTED BY postgres',
        b"CREATE TABLESPACE \"fast; disk\" OWNER \"o'd; x\" LOCATION '/mnt/it''s fast'",
        b'ALTER TABLESPACE "fast; disk" SET (random_page_cost=1.1)',
    ]


def test_a_throwaway_server_gets_tablespaces_in_its_own_folder_and_no_settings_of_roles() -> None:
    statements = for_throwaway(read_statements(DUMPED))
    assert statements[0] == b"SET allow_in_place_tablespaces = on"
    assert b'CREATE TABLESPACE "fast; disk" OWNER "o\'d; x" LOCATION \'\'' in statements
    assert not any(b"search_path" in one or b"work_mem" in one for one in statements)
    assert b'ALTER TABLESPACE "fast; disk" SET (random_page_cost=1.1)' in statements


def test_the_encoding_of_names_is_nobodys_business_here() -> None:
    assert read_statements(b'CREATE ROLE "\xe9\xff";') == [b'CREATE ROLE "\xe9\xff"']


@pytest.mark.parametrize("content", [b"CREATE ROLE a", b"CREATE ROLE a;\nCOMMENT ON ROLE a IS 'x", b"GRANT a TO"])
def test_what_ends_in_the_middle_of_a_statement_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInputError, match="middle of a statement"):
        read_statements(content)


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1), min_size=1))
def test_no_name_or_text_breaks_out_of_its_statement(texts: list[str]) -> None:
    statements = [f"COMMENT ON ROLE {identifier(text)} IS {literal(text)}" for text in texts]
    content = "".join(f"-- {text!r}\n{statement};\n" for text, statement in zip(texts, statements, strict=True))
    assert read_statements(content.encode()) == [statement.encode() for statement in statements]
