"""What is asked of a restored dump is answered by a real server, and whatever is not as it was is found."""

import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fleetsave.checks import dump_text, postgres_counts, postgres_restore, postgres_round_trip
from fleetsave.checks.dump_text import TextRead
from fleetsave.checks.postgres_database import RestoredDump, guarded
from fleetsave.local.postgres_server import PostgresServer
from fleetsave.model.dumps import SequenceValue
from fleetsave.model.errors import VerificationError
from fleetsave.model.records import Finding, Level, Outcome
from fleetsave.postgres.globals import read_statements
from fleetsave.postgres.scratch_server import ScratchServer, scratch_server
from tests.fixtures.stored_dumps import TakenDump, layer_programs, take_dump

SOURCE = """
CREATE ROLE app;
CREATE TABLE players (id integer PRIMARY KEY, name text NOT NULL, speed double precision);
INSERT INTO players SELECT g, 'player ' || g, g / 3.0 FROM generate_series(1, 100) g;
CREATE TABLE items (owner integer REFERENCES players);
INSERT INTO items SELECT g FROM generate_series(1, 50) g;
CREATE SEQUENCE up; SELECT nextval('up'), nextval('up'), nextval('up');
CREATE SEQUENCE down INCREMENT -3 MINVALUE -100 MAXVALUE -1; SELECT nextval('down'), nextval('down');
CREATE SEQUENCE round MAXVALUE 3 CYCLE; SELECT nextval('round') FROM generate_series(1, 3);
CREATE SEQUENCE fresh;
ALTER TABLE items OWNER TO app;
"""
CHECKS = {"names": "SELECT max(name), min(id), NULL FROM players", "speed": "SELECT sum(speed) FROM players;"}
_NUMBERS = itertools.count()


@dataclass
class Lab:
    """A dump, and a throwaway server to restore it into as often as there are tests."""

    server: ScratchServer
    dump: TakenDump
    seconds_left: float = 60

    @property
    def original(self) -> TextRead:
        return dump_text.read(iter([self.dump.plain]), "utf-8")

    def restored(self, plain: bytes | None = None, **changes: Any) -> tuple[RestoredDump, list[Finding]]:
        """Restore the dump, or another text, into a database of its own; `changes` are those of its report."""
        report = replace(self.dump.report, source_path=f"copy {next(_NUMBERS)}", **changes)
        restored = RestoredDump(self.server, layer_programs(), report, lambda: self.seconds_left)
        statements = read_statements(self.dump.beside)
        findings = postgres_restore.check(restored, statements, iter([plain or self.dump.plain]), frozenset())
        return restored, findings


@pytest.fixture(scope="module")
def module_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with PostgresServer(tmp_path_factory.mktemp("postgresql"), major=18) as source:
        source.psql(SOURCE)
        dump = take_dump(source, "postgres", checks=CHECKS)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with scratch_server(layer_programs(), Path(folder) / "server") as server:
            yield Lab(server, dump)


@pytest.fixture
def lab(module_lab: Lab) -> Iterator[Lab]:
    yield module_lab
    module_lab.seconds_left = 60


def change(restored: RestoredDump, sql: str) -> None:
    with restored.server.connect(restored.name) as connection:
        connection.execute(sql)


def found(findings: list[Finding], check: str) -> Finding:
    return next(finding for finding in findings if finding.check == check)


def test_a_faithful_copy_passes_every_question(lab: Lab) -> None:
    restored, findings = lab.restored()
    findings += [*postgres_round_trip.check(restored, lab.original), *postgres_counts.check(restored)]
    assert {finding.outcome for finding in findings} == {Outcome.PASSED}
    assert {finding.level for finding in findings} == {Level.RESTORED, Level.EQUAL_TO_SOURCE, Level.APPLICATION}
    assert found(findings, "sequences").detail == "none of 3 is behind the source's"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE players SET name = 'x' WHERE id = 7", "public.players has other values in its 100 rows"),
        ("DELETE FROM items WHERE owner = 7", "public.items has 49 rows, not 50"),
        ("CREATE TABLE more ()", "public.more is new"),
        ("DROP TABLE items", "public.items is missing"),
        ("SELECT setval('up', 1)", "(sequence values) has other values"),
        ("ALTER TABLE items OWNER TO postgres", "Name: items; Type: TABLE; Schema: public; Owner: postgres"),
        ("ALTER TABLE players ALTER name DROP NOT NULL", "the definitions are not"),
        ("GRANT SELECT ON players TO app", "new: Name: TABLE players; Type: ACL"),
    ],
)
def test_whatever_differs_in_the_copy_is_found_by_dumping_it_again(lab: Lab, sql: str, said: str) -> None:
    restored, _ = lab.restored()
    change(restored, sql)
    (finding,) = postgres_round_trip.check(restored, lab.original)
    assert finding.outcome is Outcome.FAILED
    assert said in finding.detail


def test_another_major_may_write_definitions_otherwise_but_has_the_same_objects_and_data(lab: Lab) -> None:
    restored, _ = lab.restored(server_version_number=140_023)
    change(restored, "ALTER TABLE players ALTER name DROP NOT NULL")
    (finding,) = postgres_round_trip.check(restored, lab.original)
    assert finding.outcome is Outcome.PASSED
    assert "objects, which PostgreSQL 18 writes in other words than 14" in finding.detail
    change(restored, "CREATE VIEW more AS SELECT 1 AS a")
    (finding,) = postgres_round_trip.check(restored, lab.original)
    assert finding.outcome is Outcome.FAILED
    assert "new: Name: more; Type: VIEW" in finding.detail


def test_amounts_of_money_in_another_notation_are_not_held_against_the_dump(lab: Lab) -> None:
    restored, _ = lab.restored()
    change(restored, "ALTER TABLE players ADD pay money DEFAULT 1")
    (finding,) = postgres_round_trip.check(restored, lab.original)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "lc_monetary" in finding.detail


def test_rows_are_counted_in_the_copy_and_in_the_dump(lab: Lab) -> None:
    restored, _ = lab.restored()
    change(restored, "DELETE FROM items WHERE owner = 7; DROP TABLE players CASCADE")
    finding = found(postgres_counts.check(restored), "row_counts")
    assert finding.outcome is Outcome.FAILED
    assert finding.detail == (
        "public.items 50 at the source, 49 restored, 50 in the dump; "
        "public.players 100 at the source, no table restored, 100 in the dump"
    )


def test_the_owners_checks_are_asked_of_the_copy(lab: Lab) -> None:
    restored, _ = lab.restored()
    change(restored, "UPDATE players SET name = 'zzz', speed = speed * (1 + 1e-13) WHERE id = 7")
    findings = postgres_counts.check(restored)
    assert found(findings, "owner:names").detail.startswith("['zzz', '1', None] restored, ['player 99', '1', None] at the source")
    # Sums of floating point numbers may differ in their last digits.
    assert found(findings, "owner:speed").outcome is Outcome.PASSED
    change(restored, "UPDATE players SET speed = 0 WHERE id = 7")
    assert found(postgres_counts.check(restored), "owner:speed").outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("sql", "outcome", "said"),
    [
        ("SELECT no_such_column FROM players", Outcome.FAILED, "no_such_column"),
        ("DELETE FROM players RETURNING 1", Outcome.FAILED, "read-only transaction"),
        ("SELECT 1; SELECT 2", Outcome.FAILED, "cannot insert multiple commands"),
        ("SELECT 1 WHERE false", Outcome.FAILED, "it gives no row"),
        ("SELECT now() AT TIME ZONE 'Nowhere/Here'", Outcome.INCONCLUSIVE, "time zone Nowhere/Here is not known here"),
    ],
)
def test_an_owners_check_that_cannot_be_answered_says_why(lab: Lab, sql: str, outcome: Outcome, said: str) -> None:
    fingerprint = lab.dump.report.fingerprint
    assert fingerprint is not None
    restored, _ = lab.restored(fingerprint=replace(fingerprint, check_sql={"names": sql}))
    finding = found(postgres_counts.check(restored), "owner:names")
    assert (finding.outcome, finding.level) == (outcome, Level.APPLICATION)
    assert said in finding.detail


def test_without_a_fingerprint_nothing_is_counted(lab: Lab) -> None:
    restored, _ = lab.restored(fingerprint=None)
    (finding,) = postgres_counts.check(restored)
    assert (finding.outcome, finding.level) == (Outcome.SKIPPED, Level.EQUAL_TO_SOURCE)


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        ({"public.up": SequenceValue(4, 1)}, "public.up stands at 3, stood at 4"),
        ({"public.down": SequenceValue(-7, -3)}, "public.down stands at -4, stood at -7"),
        ({"public.fresh": SequenceValue(1, 1)}, "public.fresh stands at None, stood at 1"),
        ({"public.gone": SequenceValue(1, 1)}, "public.gone stands at nothing, stood at 1"),
    ],
)
def test_a_sequence_that_would_give_out_a_number_again_is_found(lab: Lab, recorded: dict[str, SequenceValue], said: str) -> None:
    _, findings = lab.restored(sequences=recorded)
    assert found(findings, "sequences") == Finding("sequences", Outcome.FAILED, said, Level.RESTORED)


def test_a_sequence_may_have_moved_on_and_one_that_goes_round_may_stand_anywhere(lab: Lab) -> None:
    recorded = {"public.up": SequenceValue(1, 1), "public.down": SequenceValue(-1, -3), "public.round": SequenceValue(99, 1)}
    assert found(lab.restored(sequences=recorded)[1], "sequences").outcome is Outcome.PASSED


def test_a_database_without_a_table_is_suspect(lab: Lab) -> None:
    _, findings = lab.restored(b"CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';\n", sequences={})
    assert found(findings, "tables") == Finding("tables", Outcome.SUSPECT, "it holds not one table", Level.RESTORED)


def test_an_index_that_is_not_valid_is_found(lab: Lab) -> None:
    marked = (
        b"SET allow_system_table_mods = on;\n"
        b"UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.players_pkey'::regclass;"
    )
    _, findings = lab.restored(lab.dump.plain.replace(b"\n\\unrestrict ", b"\n" + marked + b"\n\\unrestrict "))
    assert found(findings, "indexes").detail == "not valid: public.players_pkey"
    assert found(findings, "indexes").outcome is Outcome.FAILED


def test_time_that_is_over_a_full_disk_and_a_crash_are_no_findings(lab: Lab) -> None:
    restored, _ = lab.restored()
    lab.seconds_left = 0.3
    with pytest.raises(VerificationError, match="more memory"):
        restored.query("SELECT pg_sleep(60)")
    lab.seconds_left = -1
    with pytest.raises(VerificationError, match="more memory"):
        restored.query("SELECT 1")
    lab.seconds_left = 60
    with pytest.raises(VerificationError, match="VerifyStorage"):
        restored.query("DO $$ BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$")
    with pytest.raises(VerificationError, match="gave up"):
        restored.query("SELECT pg_terminate_backend(pg_backend_pid())")
    assert restored.query("SELECT 1") == [(1,)]


def test_what_postgresql_refuses_is_a_finding(lab: Lab) -> None:
    def ask() -> Finding:
        raise psycopg.errors.UndefinedTable('relation "x" does not exist')

    assert guarded("name", Level.RESTORED, ask).outcome is Outcome.FAILED
    assert lab.server.words
