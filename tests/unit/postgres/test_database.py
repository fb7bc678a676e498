"""A database itself can be made again, under any name, from what was recorded of it."""

from dataclasses import replace

from fleetsave.model.dumps import DatabaseProperties
from fleetsave.postgres.database import create_statement, property_statements, section

PROPERTIES = DatabaseProperties(
    owner="game", encoding="UTF8", provider="libc", collate="C.UTF-8", ctype="C.UTF-8", locale=None, icu_rules=None,
    connection_limit=20, settings=["SET \"work_mem\" TO '5MB'"], role_settings=[("app", "SET \"search_path\" TO game, public")],
    grants=[("CONNECT", "app"), ("TEMPORARY with grant option", "app"), ("CONNECT", "")], public_may_connect=False,
)  # fmt: skip


def test_it_is_created_with_its_encoding_and_locale() -> None:
    assert create_statement('o"dd', PROPERTIES) == (
        'CREATE DATABASE "o""dd" TEMPLATE template0 ENCODING \'UTF8\' LOCALE_PROVIDER libc '
        "LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'"
    )
    icu = replace(PROPERTIES, provider="icu", locale="de-DE", icu_rules="&a < b")
    assert create_statement("x", icu).endswith("ICU_LOCALE 'de-DE' ICU_RULES '&a < b'")
    assert create_statement("x", replace(PROPERTIES, provider="builtin", locale="C")).endswith("BUILTIN_LOCALE 'C'")


def test_owner_limit_settings_and_grants_follow() -> None:
    assert list(property_statements("x", PROPERTIES)) == [
        'ALTER DATABASE "x" OWNER TO "game"',
        'ALTER DATABASE "x" CONNECTION LIMIT 20',
        'ALTER DATABASE "x" SET "work_mem" TO \'5MB\'',
        'ALTER ROLE "app" IN DATABASE "x" SET "search_path" TO game, public',
        'REVOKE ALL ON DATABASE "x" FROM PUBLIC',
        'GRANT CONNECT ON DATABASE "x" TO "app"',
        'GRANT TEMPORARY ON DATABASE "x" TO "app" WITH GRANT OPTION',
        'GRANT CONNECT ON DATABASE "x" TO PUBLIC',
    ]


def test_beside_a_dump_it_is_a_comment_whatever_its_name_holds() -> None:
    text = section("line\nbreak; DROP DATABASE game", PROPERTIES)
    assert all(line.startswith("--") for line in text.splitlines() if line)
