"""What a dump needs and this PostgreSQL does not have makes it inconclusive, never verified and never rejected."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fleetsave.local.postgres_server import PostgresServer
from fleetsave.model.errors import VerificationError
from fleetsave.model.keys import RecordName
from fleetsave.model.records import Level, Outcome
from fleetsave.postgres.programs import Programs
from tests.fixtures.stored_dumps import DumpRoom, TakenDump, against, take_dump


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TakenDump]:
    """A dump of two small tables, whose text the tests change before it is stored."""
    with PostgresServer(tmp_path_factory.mktemp("postgresql"), major=18) as server:
        server.psql(
            "CREATE TABLE a (name text COLLATE \"C\" CHECK (name <> 'z')); INSERT INTO a VALUES ('Ä'), ('b');"
            "CREATE TABLE b (at timestamptz); INSERT INTO b VALUES ('2024-01-01'); CREATE EXTENSION hstore"
        )
        yield take_dump(server, "postgres")


def changed(dump: TakenDump, old: str, new: str) -> TakenDump:
    assert old.encode() in dump.plain
    return dump.with_text(dump.plain.replace(old.encode(), new.encode()))


TABLE = "CREATE TABLE public.a"
LACKS = {
    "extension postgis": ("EXTENSION IF NOT EXISTS hstore WITH", "EXTENSION IF NOT EXISTS postgis WITH"),
    "collation pg_catalog.de-x-icu": ('COLLATE pg_catalog."C"', 'COLLATE pg_catalog."de-x-icu"'),
    "ICU": (TABLE, f"CREATE COLLATION public.de (provider = icu, locale = 'de');\n{TABLE}"),
    "library mine": (TABLE, f"CREATE FUNCTION public.f() RETURNS integer LANGUAGE c AS '$libdir/mine', 'f';\n{TABLE}"),
}


@pytest.mark.parametrize("lack", sorted(LACKS))
def test_what_is_not_installed_here_is_named(dump: TakenDump, dump_room: DumpRoom, lack: str) -> None:
    outcome = dump_room.judge_new(changed(dump, *LACKS[lack]))
    assert outcome.verdict is RecordName.INCONCLUSIVE
    assert outcome.record.level is Level.COMPLETE
    found = against(outcome)
    assert set(found) == {"restore"}
    assert found["restore"].detail.startswith("it cannot be restored here:")
    assert f" {lack} " in found["restore"].detail
    assert outcome.repair is None


def test_an_error_of_the_dumps_own_is_no_lack(dump: TakenDump, dump_room: DumpRoom) -> None:
    outcome = dump_room.judge_new(changed(dump, "CREATE TABLE public.b", "CREATE TABLE public.b.c"))
    assert outcome.verdict is RecordName.REJECTED
    assert against(outcome)["restore"].outcome is Outcome.FAILED


def test_a_database_ordered_by_icu_is_restored_and_compared_but_not_verified(dump: TakenDump, dump_room: DumpRoom) -> None:
    database = replace(dump.report.database, provider="icu", locale="de-DE")
    outcome = dump_room.judge_new(replace(dump, report=replace(dump.report, database=database)))
    assert outcome.verdict is RecordName.INCONCLUSIVE
    assert {name: found.outcome for name, found in against(outcome).items()} == {"locale": Outcome.INCONCLUSIVE}
    assert "ICU's de-DE" in against(outcome)["locale"].detail
    passed = {finding.check for finding in outcome.record.findings if finding.outcome is Outcome.PASSED}
    assert {"restore", "round_trip", "row_counts"} <= passed


def test_a_locale_that_is_not_known_here_is_replaced_and_told(dump: TakenDump, dump_room: DumpRoom) -> None:
    database = replace(dump.report.database, provider="libc", collate="xx_YY.UTF-8", ctype="xx_YY.UTF-8", locale=None)
    outcome = dump_room.judge_new(replace(dump, report=replace(dump.report, database=database)))
    assert outcome.verdict is RecordName.VERIFIED
    told = next(finding.detail for finding in outcome.record.findings if finding.check == "restore")
    assert "locale xx_YY.UTF-8 is not known here; made with PostgreSQL's own C.UTF-8 instead" in told


def test_a_collation_of_the_system_that_is_missing_here_is_replaced_and_told(dump: TakenDump, dump_room: DumpRoom) -> None:
    outcome = dump_room.judge_new(changed(dump, 'COLLATE pg_catalog."C"', 'COLLATE pg_catalog."en_US.utf8"'))
    assert (outcome.verdict, against(outcome)) == (RecordName.VERIFIED, {})
    told = next(finding.detail for finding in outcome.record.findings if finding.check == "restore")
    assert "PostgreSQL's own C.UTF-8 stands for en_US.utf8" in told


def test_rows_that_a_replaced_order_refuses_are_not_held_against_the_dump(dump: TakenDump, dump_room: DumpRoom) -> None:
    ordered = changed(dump, 'name text COLLATE pg_catalog."C",', 'name text COLLATE pg_catalog."de_DE.utf8",')
    ordered = changed(ordered, "(name <> 'z'::text)", "(name < 'a'::text)")
    outcome = dump_room.judge_new(ordered)
    assert outcome.verdict is RecordName.INCONCLUSIVE
    assert "ordered at the source" in against(outcome)["restore"].detail


def test_where_no_server_can_run_the_dump_is_read_to_its_end_and_inconclusive(
    dump: TakenDump, dump_room: DumpRoom, passable_folder: Path
) -> None:
    here = dump_room.programs.folder
    broken = passable_folder / "broken"
    (broken / "bin").mkdir(parents=True)
    for name in ("lib", "share"):
        (broken / name).symlink_to(here / name)
    for name in ("pg_dump", "pg_restore", "psql"):
        (broken / "bin" / name).symlink_to(here / "bin" / name)
    words = "FATAL: could not create shared memory segment: Function not implemented"
    (broken / "bin" / "postgres").write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    (broken / "bin" / "postgres").chmod(0o755)
    outcome = replace_programs(dump_room, broken).judge_new(dump)
    assert (outcome.verdict, outcome.record.level) == (RecordName.INCONCLUSIVE, Level.COMPLETE)
    assert "no PostgreSQL can run here" in against(outcome)["restore"].detail
    assert words in against(outcome)["restore"].detail
    assert dump_room.left_over() == []


def test_a_dump_that_does_not_fit_the_time_that_is_left_is_no_verdict(dump: TakenDump, dump_room: DumpRoom) -> None:
    slow = changed(dump, "CREATE TABLE public.b", "SELECT pg_catalog.pg_sleep(60);\nCREATE TABLE public.b")
    key = dump_room.put(slow)
    dump_room.seconds_left = 3
    with pytest.raises(VerificationError, match="more memory") as caught:
        dump_room.judge(key)
    assert not caught.value.retryable
    assert not dump_room.catalog.has(key, RecordName.REJECTED)
    assert dump_room.left_over() == []


def replace_programs(room: DumpRoom, folder: Path) -> DumpRoom:
    room.programs = Programs(folder)
    return room
