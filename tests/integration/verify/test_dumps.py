"""Dumps of real servers are restored for real; only what is equal to its source, byte by byte, is verified."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetsave.local.postgres_server import PostgresServer
from fleetsave.model.keys import RecordName
from fleetsave.model.kinds import Compression, DumpFormat
from fleetsave.model.records import Level
from tests.fixtures import rich_database
from tests.fixtures.stored_dumps import DumpRoom, against, take_dump

CHECKS = {
    "load": "SELECT sum(weight), count(*), max(id) FROM items",  # by the database's own search_path
    "seen": "SELECT max(seen), min(lasts) FROM game.players WHERE seen < 'infinity'",
}
ASKED = [
    "stored_bytes", "checksum", "dump_report", "globals", "dump_text", "globals_restored", "restore", "tables", "indexes",
    "constraints", "sequences", "round_trip", "row_counts", "owner:load", "owner:seen", "plausibility",
]  # fmt: skip


@pytest.fixture(scope="module")
def rich(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server of one major with the rich database."""
    with PostgresServer(tmp_path_factory.mktemp("postgresql"), major=request.param) as server:
        server.create_database("game")
        rich_database.fill(server, "game")
        yield server


@pytest.mark.parametrize(
    ("rich", "dump_format", "compression"),
    [
        (14, DumpFormat.PLAIN, Compression.ZSTD),
        (14, DumpFormat.CUSTOM, Compression.NONE),
        (16, DumpFormat.PLAIN, Compression.ZSTD),
        (18, DumpFormat.PLAIN, Compression.NONE),
        (18, DumpFormat.CUSTOM, Compression.NONE),
    ],
    indirect=["rich"],
)
def test_a_rich_database_comes_back_the_same_and_is_verified_to_the_highest_level(
    rich: PostgresServer, dump_room: DumpRoom, dump_format: DumpFormat, compression: Compression
) -> None:
    dump = take_dump(rich, "game", dump_format=dump_format, checks=CHECKS)
    outcome = dump_room.judge(dump_room.put(dump, compression=compression))
    assert against(outcome) == {}
    assert (outcome.verdict, outcome.record.level) == (RecordName.VERIFIED, Level.APPLICATION)
    assert [finding.check for finding in outcome.record.findings] == ASKED
    told = {finding.check: finding.detail for finding in outcome.record.findings}
    assert "game.heavy" in told["constraints"]
    assert "game.events_half" in told["indexes"]
    # From 16 on pg_dump and the server write a view the same way, and the text is the same to its last byte.
    assert ("gives the same" if rich.major >= 16 else "writes in other words than 14") in told["round_trip"]
    assert dump_room.left_over() == []


@pytest.mark.parametrize("database", ["postgres", 'my "own" = база'])
def test_whatever_the_database_is_called_its_copy_has_the_same_name(
    plain_server: PostgresServer, dump_room: DumpRoom, database: str
) -> None:
    if database != "postgres":
        plain_server.create_database(database)
    plain_server.psql(
        "CREATE TABLE IF NOT EXISTS t (a integer CHECK (current_database() <> 'other')); INSERT INTO t VALUES (1)", database
    )
    checks = {"name": "SELECT current_database()"}
    outcome = dump_room.judge_new(take_dump(plain_server, database, checks=checks))
    assert against(outcome) == {}
    assert outcome.record.level is Level.APPLICATION


@pytest.mark.parametrize(("encoding", "locale"), [("LATIN1", "C"), ("SQL_ASCII", "C"), ("EUC_JP", "C")])
def test_names_and_values_in_other_encodings_come_back(tmp_path: Path, dump_room: DumpRoom, encoding: str, locale: str) -> None:
    with PostgresServer(tmp_path, major=18, encoding=encoding, locale=locale) as server:
        name = "あ" if encoding == "EUC_JP" else "é"
        server.psql(
            f"SET client_encoding = 'UTF8'; CREATE TABLE \"t {name}\" (a text); INSERT INTO \"t {name}\" VALUES ('{name}')"
        )
        outcome = dump_room.judge_new(take_dump(server, "postgres", checks={"all": f'SELECT max(a) FROM "t {name}"'}))
    assert against(outcome) == {}
    assert outcome.verdict is RecordName.VERIFIED


def test_tablespaces_and_roles_come_back_without_the_sources_folders(
    plain_server: PostgresServer, dump_room: DumpRoom, passable_folder: Path
) -> None:
    fast = passable_folder / "fast; disk"
    fast.mkdir(mode=0o700)
    shutil.chown(fast, (plain_server.folder / "data").stat().st_uid)
    plain_server.create_database("spread")
    plain_server.psql("CREATE ROLE keeper; CREATE ROLE guest; GRANT keeper TO guest")
    plain_server.psql(f"CREATE TABLESPACE \"fast; disk\" OWNER keeper LOCATION '{fast}'")
    plain_server.psql('CREATE TABLE t (a integer PRIMARY KEY) TABLESPACE "fast; disk"; ALTER TABLE t OWNER TO keeper', "spread")
    dump = take_dump(plain_server, "spread")
    assert dump.report.tablespaces == ["fast; disk"]
    outcome = dump_room.judge_new(dump)
    plain_server.psql("DROP DATABASE spread")
    assert (outcome.verdict, against(outcome)) == (RecordName.VERIFIED, {})


def test_a_view_that_draws_on_another_server_is_inconclusive(plain_server: PostgresServer, dump_room: DumpRoom) -> None:
    plain_server.create_database("linked")
    plain_server.psql(
        "CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;"
        "CREATE FOREIGN TABLE version (a text) SERVER files OPTIONS (filename 'PG_VERSION');"
        "CREATE MATERIALIZED VIEW seen AS SELECT a FROM version",
        "linked",
    )
    dump = take_dump(plain_server, "linked")
    dump = dump.with_text(dump.plain.replace(b"'PG_VERSION'", b"'/srv/only/there'"))
    outcome = dump_room.judge_new(dump)
    assert outcome.verdict is RecordName.INCONCLUSIVE
    assert "file /srv/only/there of the source's server is not here" in against(outcome)["restore"].detail


@pytest.fixture(scope="module")
def plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgresql"), major=18) as server:
        yield server
