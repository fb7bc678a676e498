"""A database of a real PostgreSQL is brought back while it is used; what was there is kept, and it can be taken back."""

import re
from pathlib import Path

import pytest

from fleetsave.model.kinds import DumpFormat
from fleetsave.model.records import Outcome
from fleetsave.model.recovery_records import RecoveryState, SwapMethod, TableRows, TargetState
from fleetsave.recover.look import look
from tests.fixtures.dumping import DATABASE
from tests.fixtures.postgres_clients import TABLE, Clients
from tests.fixtures.recovering_postgres import RecoveringPostgres, new_recovering

_KEPT = re.compile(r"game_before_\d{8}_\d{6}")


@pytest.mark.parametrize("dump_format", list(DumpFormat))
def test_a_dropped_table_is_back_while_applications_write(central: RecoveringPostgres, dump_format: DumpFormat) -> None:
    central.dumping.database = {"format": dump_format.value, "checks": {"money": "SELECT sum(gold), count(*) FROM players"}}
    central.dumping.put_fleet()
    central.psql(f"{TABLE}; CREATE TABLE players AS SELECT g AS id, g * 7 AS gold FROM generate_series(1, 500) g")
    with Clients(central.dumping.server, DATABASE) as clients:
        clients.wait_for(20)
        central.back_up()
        clients.wait_for(20)
        central.psql("DROP TABLE players")
        recovery = central.run_here(central.ask())
        clients.wait_for(20)
    assert recovery.has(RecoveryState.RECOVERED), recovery.records[-1].problem
    assert clients.refused == []
    assert clients.thrown_out >= 1
    assert clients.longest_gap < 15
    assert central.psql("SELECT sum(gold), count(*) FROM players") == f"{7 * 500 * 501 // 2}|500"
    (kept,) = central.databases() - {DATABASE}
    assert _KEPT.fullmatch(kept)
    entries = int(central.psql("SELECT count(*) FROM entries")) + int(central.psql("SELECT count(*) FROM entries", kept))
    dumped = (
        next(row.rows_then for row in recovery.survey.comparison if row.table == "public.entries") if recovery.survey else None
    )
    assert entries == clients.acknowledged + (dumped or 0), "a row that was acknowledged is in neither database"
    assert central.marks() == ""


def test_the_survey_tells_the_rows_now_and_then(central: RecoveringPostgres) -> None:
    central.psql("CREATE TABLE kept (x int); CREATE TABLE dropped AS SELECT 1 AS x; INSERT INTO kept VALUES (1), (2)")
    central.back_up()
    central.psql("INSERT INTO kept VALUES (3); DROP TABLE dropped; CREATE TABLE added (x int)")
    recovery = central.run_here(central.ask())
    assert recovery.survey is not None
    assert recovery.survey.comparison == [
        TableRows("public.added", 0, None), TableRows("public.dropped", None, 1), TableRows("public.kept", 3, 2),
    ]  # fmt: skip
    told = recovery.record(RecoveryState.INSPECTED)
    assert told is not None
    assert "3 rows in 2 tables are there now, 3 rows in 2 tables in the backup" in told.detail


def test_a_dry_runs_look_tells_the_same_and_writes_nothing(central: RecoveringPostgres) -> None:
    central.psql("CREATE TABLE kept AS SELECT 1 AS x; CREATE TABLE dropped AS SELECT 1 AS x")
    central.back_up()
    central.psql("DROP TABLE dropped")
    asked = central.ask()
    keys = {info.key for info in central.dumping.store.list("")}
    survey = look(asked.request, central.ports(asked))
    assert survey.comparison == [TableRows("public.dropped", None, 1), TableRows("public.kept", 1, 1)]
    assert {info.key for info in central.dumping.store.list("")} == keys
    assert (central.databases(), central.marks()) == ({DATABASE}, "")
    assert central.run_here(asked).is_finished, "a recovery that is not would hold up those of the next tests"


def test_what_was_there_is_kept_and_undo_brings_it_back(central: RecoveringPostgres) -> None:
    central.psql("CREATE TABLE t AS SELECT g AS x FROM generate_series(1, 10) g")
    central.back_up()
    central.psql("INSERT INTO t VALUES (11); COMMENT ON DATABASE game IS 'the game'")
    recovery = central.run_here(central.ask())
    assert recovery.can_undo
    assert recovery.swap is not None
    assert (recovery.swap.method, recovery.swap.kept in central.databases()) == (SwapMethod.RENAME, True)
    assert central.psql("SELECT count(*) FROM t") == "10"
    assert central.psql("SELECT count(*) FROM t", recovery.swap.kept or "") == "11"
    assert recovery.safety is not None
    undo = central.ask(
        backup_key=recovery.safety.backup_key, target_path=DATABASE, allow_unverified=True, undo_of=str(recovery.id)
    )
    assert central.run_here(undo).has(RecoveryState.RECOVERED)
    assert central.psql("SELECT count(*) FROM t") == "11"
    comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'game'"
    assert central.psql(comment) == "the game"


def test_what_belongs_to_the_database_itself_comes_back(central: RecoveringPostgres) -> None:
    central.dumping.server.create_role("owner")
    central.psql(
        "ALTER DATABASE game OWNER TO owner; ALTER DATABASE game SET work_mem TO '7MB'; ALTER DATABASE game CONNECTION LIMIT 50; "
        "REVOKE CONNECT ON DATABASE game FROM PUBLIC; GRANT CONNECT ON DATABASE game TO fleetsave_backup; "
        "ALTER ROLE owner IN DATABASE game SET statement_timeout TO '9s'; "
        "ALTER DATABASE game SET default_transaction_read_only TO on"
    )
    facts = (
        "SELECT pg_get_userbyid(datdba), datconnlimit, grantee, privilege_type FROM pg_database, aclexplode(datacl) "
        "WHERE datname = 'game' ORDER BY 3, 4"
    )
    settings = (
        "SELECT setrole::regrole, unnest(setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase "
        "WHERE datname = 'game' ORDER BY 1, 2"
    )
    before = (central.psql(facts), central.psql(settings))
    central.back_up()
    central.dumping.server.psql("DROP DATABASE game WITH (FORCE)")
    recovery = central.run_here(central.ask())
    assert recovery.has(RecoveryState.RECOVERED), recovery.records[-1].problem
    assert recovery.swap is not None
    assert recovery.swap.method is SwapMethod.PLACE
    assert (central.psql(facts), central.psql(settings)) == before


def test_a_backup_goes_to_a_new_name_and_touches_nothing(central: RecoveringPostgres) -> None:
    central.psql("CREATE TABLE t AS SELECT 1 AS x")
    central.back_up()
    central.psql("INSERT INTO t VALUES (2)")
    recovery = central.run_here(central.ask(target_path="look at it"))
    assert recovery.has(RecoveryState.RECOVERED), recovery.records[-1].problem
    assert central.databases() == {"game", "look at it"}
    assert (central.psql("SELECT count(*) FROM t"), central.psql("SELECT count(*) FROM t", "look at it")) == ("2", "1")


def test_a_name_that_exists_is_never_restored_to(central: RecoveringPostgres) -> None:
    central.back_up()
    central.dumping.server.create_database("taken")
    recovery = central.run_here(central.ask(target_path="taken"))
    assert reason(recovery.records[-1].problem) == "target_exists"
    assert central.databases() == {"game", "taken"}


@pytest.mark.parametrize("major", [14, 18])
def test_other_versions_of_the_server_are_restored_to(tmp_path_factory: pytest.TempPathFactory, major: int) -> None:
    with new_recovering(tmp_path_factory.mktemp("other"), major=major) as other:
        other.psql(
            "CREATE TABLE t (x int PRIMARY KEY, y text); INSERT INTO t SELECT g, 'row ' || g FROM generate_series(1, 99) g"
        )
        other.back_up()
        other.psql("DROP TABLE t")
        recovery = other.run_here(other.ask())
        assert recovery.has(RecoveryState.RECOVERED), recovery.records[-1].problem
        assert other.psql("SELECT count(*), max(y) FROM t") == "99|row 99"


def test_everything_that_a_dump_holds_is_proven_equal(central: RecoveringPostgres) -> None:
    central.psql(EVERYTHING)
    central.back_up()
    central.psql("DROP TABLE plain CASCADE")
    recovery = central.run_here(central.ask())
    assert recovery.has(RecoveryState.RECOVERED), recovery.records[-1].problem
    checked = recovery.record(RecoveryState.CHECKED)
    assert checked is not None
    outcomes = {finding.check: finding.outcome for finding in checked.findings}
    assert set(outcomes.values()) == {Outcome.PASSED}, checked.findings
    assert {"checksum", "row_counts", "dump_again", "schema", "sequences", "indexes", "constraints", "locale"} <= outcomes.keys()


def test_a_database_that_cannot_be_read_is_kept_and_replaced(tmp_path_factory: pytest.TempPathFactory) -> None:
    with new_recovering(tmp_path_factory.mktemp("damaged")) as damaged:
        damaged.psql("CREATE TABLE t AS SELECT g AS x FROM generate_series(1, 5000) g")
        damaged.back_up()
        file = damaged.psql("CHECKPOINT; SELECT current_setting('data_directory') || '/' || pg_relation_filepath('t')")
        damaged.dumping.server.stop()
        with Path(file).open("r+b") as table:
            table.seek(8192)
            table.write(b"ruined" * 100)
        damaged.dumping.server.restart()
        recovery = damaged.run_here(damaged.ask())
        assert recovery.has(RecoveryState.RECOVERED), recovery.records[-1].problem
        assert recovery.survey is not None
        assert recovery.survey.target_state is TargetState.DAMAGED
        assert damaged.psql("SELECT count(*) FROM t") == "5000"
        assert recovery.swap is not None
        assert {DATABASE, recovery.swap.kept} == damaged.databases()


def reason(problem: object) -> str | None:
    return getattr(problem, "reason", None)


EVERYTHING = """
CREATE EXTENSION pg_trgm; CREATE EXTENSION hstore;
CREATE SCHEMA "Odd ""q"" name";
CREATE TABLE "Odd ""q"" name"."a table" ("a column" text, h hstore, j jsonb, b bytea, n numeric, t timestamptz);
INSERT INTO "Odd ""q"" name"."a table" VALUES
(E'tab\\there\\nline \\\\. end', 'a=>1', '{"x": [1]}', '\\x00ff', 1e100, now()), (NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE plain (id serial PRIMARY KEY, name text NOT NULL, parent int REFERENCES plain); CREATE TABLE empty ();
INSERT INTO plain (name) SELECT md5(g::text) FROM generate_series(1, 1000) g; CREATE INDEX ON plain USING gin (name gin_trgm_ops);
CREATE TABLE parts (at date, x int) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
INSERT INTO parts SELECT date '2024-01-01' + g, g FROM generate_series(0, 300) g; CREATE INDEX ON parts (x);
ALTER TABLE plain ADD CONSTRAINT checked CHECK (length(name) > 40) NOT VALID;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM plain;
CREATE SEQUENCE down INCREMENT -1; SELECT nextval('down'), nextval('down');
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$; CREATE UNLOGGED TABLE unlogged AS SELECT 1 AS x;
CREATE TABLE guarded (x int); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; CREATE POLICY nobody ON guarded USING (false);
CREATE PUBLICATION everything FOR ALL TABLES; CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
"""
