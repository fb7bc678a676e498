"""The restored copy must say of its content what the source said; both sides must read one schema alike."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from fleetsave.checks import fingerprint
from fleetsave.checks.sqlite_database import open_restored
from fleetsave.model.records import Finding, Fingerprint, Level, Outcome
from tests.fixtures.stored_backups import make_database, take_fingerprint

QUOTED = '"it\'s ""quoted""\n\tname"'
HOSTILE_SCHEMAS = {
    "generated columns": "CREATE TABLE g (a INTEGER, b AS (a * 2) STORED, c AS (a || 'x')); INSERT INTO g (a) VALUES (1), (2);",
    "without rowid": "CREATE TABLE w (k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO w VALUES ('a', 1), ('b', 2);",
    "quotes and blanks": f"CREATE TABLE {QUOTED} (a); INSERT INTO {QUOTED} VALUES ('x'); CREATE TABLE [br[ack] (x);",
    "words of SQL": "CREATE TABLE `select` (x); INSERT INTO `select` VALUES (1); CREATE TABLE `table` (`from`);",
    "unicode": 'CREATE TABLE "Ünï😀" (x); CREATE TABLE "ünÏ" (x); INSERT INTO "Ünï😀" VALUES (1);',
    "nearly reserved": "CREATE TABLE sqliteXstats (x); INSERT INTO sqliteXstats VALUES (1); CREATE TABLE SQLITE1 (x);",
    "statistics": "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO a VALUES (5); ANALYZE;",
    "full text": "CREATE VIRTUAL TABLE f USING fts5(body); INSERT INTO f VALUES ('hello');",
    "boxes": "CREATE VIRTUAL TABLE r USING rtree(i, a, b); INSERT INTO r VALUES (1, 2, 3);",
    "views": "CREATE VIEW v AS SELECT * FROM players;",
    "triggers": "CREATE TRIGGER t AFTER INSERT ON ledger BEGIN DELETE FROM ledger WHERE id < 0; END;",
    "utf-16": "",
}


def check(expected: Fingerprint | None, path: Path) -> dict[str, Finding]:
    with open_restored(path, seconds=20) as database:
        return {finding.check: finding for finding in fingerprint.check(expected, database)}


def outcomes(expected: Fingerprint | None, path: Path) -> dict[str, Outcome]:
    return {name: finding.outcome for name, finding in check(expected, path).items()}


@pytest.mark.parametrize("name", HOSTILE_SCHEMAS)
def test_both_sides_agree_on_a_hostile_schema(tmp_path: Path, name: str) -> None:
    path = tmp_path / "world.db"
    if name == "utf-16":
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript("PRAGMA encoding='UTF-16be'; CREATE TABLE \"ä\" (x);")
    make_database(path, script=HOSTILE_SCHEMAS[name])
    taken = take_fingerprint(path)
    with open_restored(path, seconds=20) as database:
        assert fingerprint.row_counts(database) == taken.row_counts
        assert fingerprint.schema_sha256(database) == taken.schema_sha256
    assert taken.row_counts["players"] == 200


def test_a_table_whose_index_only_the_game_can_read_is_counted_by_both_sides(tmp_path: Path) -> None:
    path = make_database(tmp_path / "a.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.create_collation("weird", lambda one, other: (one > other) - (one < other))
        connection.executescript("CREATE TABLE t (a COLLATE weird); CREATE INDEX i ON t (a); INSERT INTO t VALUES ('x');")
    assert set(outcomes(take_fingerprint(path), path).values()) == {Outcome.PASSED}


def test_equal_content_passes_at_the_levels_of_source_and_application(tmp_path: Path) -> None:
    path = make_database(tmp_path / "a.db")
    checks = {"gold": "SELECT sum(gold), max(name) FROM players", "nobody": "SELECT 1 WHERE 0", "half": "SELECT 0.5, NULL"}
    found = check(take_fingerprint(path, checks), path)
    assert {name: finding.level for name, finding in found.items()} == {
        "row_counts": Level.EQUAL_TO_SOURCE,
        "schema": Level.EQUAL_TO_SOURCE,
        "owner:gold": Level.APPLICATION,
        "owner:nobody": Level.APPLICATION,
        "owner:half": Level.APPLICATION,
    }
    assert {finding.outcome for finding in found.values()} == {Outcome.PASSED}


def test_a_capture_without_a_fingerprint_is_skipped_with_a_finding(tmp_path: Path) -> None:
    assert outcomes(None, make_database(tmp_path / "a.db")) == {"fingerprint": Outcome.SKIPPED}


def test_one_row_more_or_less_or_another_table_fails_and_is_named(tmp_path: Path) -> None:
    path = make_database(tmp_path / "a.db")
    taken = take_fingerprint(path)
    more = replace(taken, row_counts={"players": 201, "ledger": 200, "guilds": 1})
    finding = check(more, path)["row_counts"]
    assert finding.outcome is Outcome.FAILED
    assert "'guilds' 1 at the source, no table restored" in finding.detail
    assert "'players' 201 at the source, 200 restored" in finding.detail
    assert "'ledger'" not in finding.detail


def test_another_schema_fails(tmp_path: Path) -> None:
    taken = take_fingerprint(make_database(tmp_path / "a.db"))
    other = make_database(tmp_path / "b.db", script="CREATE INDEX by_gold ON players (gold);")
    assert outcomes(taken, other) == {"row_counts": Outcome.PASSED, "schema": Outcome.FAILED}


@pytest.mark.parametrize(("expected", "outcome"), [([200_000], Outcome.PASSED), ([200_001], Outcome.FAILED), ([], Outcome.FAILED),
    (["200000"], Outcome.FAILED), ([200_000, None], Outcome.FAILED), ([None], Outcome.FAILED)])  # fmt: skip
def test_the_first_row_of_an_owners_check_must_be_equal(
    tmp_path: Path, expected: list[str | int | float | None], outcome: Outcome
) -> None:
    path = make_database(tmp_path / "a.db")
    taken = take_fingerprint(path, {"gold": "SELECT sum(gold) FROM players"})
    assert outcomes(replace(taken, checks={"gold": expected}), path)["owner:gold"] is outcome


def test_floating_sums_may_differ_in_the_last_digits_only(tmp_path: Path) -> None:
    path = make_database(tmp_path / "a.db")
    taken = take_fingerprint(path, {"mean": "SELECT sum(gold * 0.1) FROM players"})
    (mean,) = taken.checks["mean"]
    assert isinstance(mean, float)
    assert outcomes(replace(taken, checks={"mean": [mean * (1 + 1e-13)]}), path)["owner:mean"] is Outcome.PASSED
    assert outcomes(replace(taken, checks={"mean": [mean * (1 + 1e-6)]}), path)["owner:mean"] is Outcome.FAILED


def test_a_check_whose_sql_is_not_on_record_is_skipped(tmp_path: Path) -> None:
    path = make_database(tmp_path / "a.db")
    taken = replace(take_fingerprint(path, {"gold": "SELECT sum(gold) FROM players"}), check_sql={})
    assert outcomes(taken, path)["owner:gold"] is Outcome.SKIPPED


@pytest.mark.parametrize(
    ("sql", "outcome"),
    [("SELECT game_hash(1)", Outcome.SUSPECT), ("SELECT * FROM gone", Outcome.FAILED), ("DELETE FROM players", Outcome.FAILED),
     ("SELECT 1; SELECT 1", Outcome.FAILED), ("ATTACH '/etc/passwd' AS p", Outcome.FAILED), ("SELECT x'00'", Outcome.FAILED)],
)  # fmt: skip
def test_a_check_that_cannot_be_asked_again_never_passes(tmp_path: Path, sql: str, outcome: Outcome) -> None:
    path = make_database(tmp_path / "a.db")
    taken = replace(take_fingerprint(path), checks={"c": [1]}, check_sql={"c": sql})
    assert outcomes(taken, path)["owner:c"] is outcome
