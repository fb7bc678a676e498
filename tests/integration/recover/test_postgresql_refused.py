"""What a recovery of a PostgreSQL database is refused for is named, and leaves everything as it was."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from fleetsave.local.sshd import SshServer
from fleetsave.model.keys import RecordName
from fleetsave.model.recoveries import Recovery
from fleetsave.model.recovery_records import Problem, RecoveryState
from fleetsave.sources.postgres.restore_refusals import RESTORE_REFUSALS
from tests.fixtures.dumping import DATABASE
from tests.fixtures.recovering_postgres import RESTORE_SECRET, RecoveringPostgres, new_recovering


def refused(recovery: Recovery, reason: str) -> Problem:
    """Assert that a recovery failed with the reason before anything was replaced, and return its problem."""
    problem = recovery.records[-1].problem
    assert problem is not None, recovery.records[-1]
    assert (recovery.records[-1].state, problem.reason) == (RecoveryState.FAILED, reason), problem
    assert problem.hint
    assert reason in RESTORE_REFUSALS
    return problem


@pytest.fixture
def filled(central: RecoveringPostgres) -> Iterator[RecoveringPostgres]:
    central.psql("CREATE TABLE t AS SELECT g AS x FROM generate_series(1, 100) g")
    central.back_up()
    central.psql("INSERT INTO t VALUES (101)")
    yield central
    assert central.databases() == {DATABASE}, "something of the recovery is left"
    assert central.psql("SELECT count(*) FROM t") == "101"
    assert central.marks() == ""


def test_a_missing_role_is_named_with_the_command_that_makes_it(central: RecoveringPostgres) -> None:
    central.dumping.server.create_role("shop")
    central.dumping.server.create_role("unneeded")
    central.psql("CREATE TABLE t (x int); GRANT SELECT ON t TO shop")
    central.back_up()
    central.psql("DROP TABLE t; DROP ROLE shop; DROP ROLE unneeded")
    recovery = central.run_here(central.ask())
    problem = refused(recovery, "missing_roles")
    assert "shop" in problem.cause
    assert "unneeded" not in problem.cause
    assert central.key is not None
    for part in ("aws s3 cp --endpoint-url", f"s3://{central.dumping.bucket}/{central.key.beside_key}", "psql -X -h localhost"):
        assert part in problem.hint
    assert recovery.survey is not None
    assert any("shop, unneeded" in note for note in recovery.survey.notes)
    assert central.databases() == {DATABASE}
    central.dumping.server.create_role("shop")
    assert central.run_here(central.ask()).has(RecoveryState.RECOVERED)


def test_a_wrong_password_is_refused_without_being_told(filled: RecoveringPostgres) -> None:
    filled.password = "a password that was replaced"
    filled.put_secrets()
    problem = refused(filled.run_here(filled.ask()), "login_refused")
    assert "a password" not in json.dumps([problem.cause, problem.hint, problem.target])


def test_an_account_without_rights_is_told_all_that_it_lacks(filled: RecoveringPostgres) -> None:
    filled.role = filled.dumping.server.create_role("weak")
    filled.put_secrets()
    problem = refused(filled.run_here(filled.ask()), "missing_rights")
    for part in ("ALTER ROLE weak CREATEDB", "GRANT pg_signal_backend TO weak", "GRANT postgres TO weak"):
        assert part in problem.cause
    filled.role = filled.dumping.server.create_restore_role()


def test_an_account_that_is_no_superuser_can_do_it_with_the_rights_it_was_told(central: RecoveringPostgres) -> None:
    server = central.dumping.server
    server.create_role("owner")
    central.psql("ALTER DATABASE game OWNER TO owner; SET ROLE owner; CREATE TABLE t AS SELECT 1 AS x")
    central.back_up()
    central.psql("DROP TABLE t")
    central.role = server.create_role("modest", options="CREATEDB", member_of=["pg_signal_backend", "owner"])
    central.put_secrets()
    recovery = central.run_here(central.ask())
    central.role = server.create_restore_role()
    assert recovery.has(RecoveryState.RECOVERED), recovery.records[-1].problem
    assert central.psql("SELECT count(*) FROM t") == "1"


def test_an_extension_that_the_server_lacks_is_named(filled: RecoveringPostgres) -> None:
    assert filled.key is not None
    stored = filled.dumping.catalog.stored(filled.key)
    strange = replace(stored, capture=replace(stored.dump, extensions={"plpgsql": "1.0", "timescaledb": "2.0"}))
    filled.dumping.store.delete(filled.key.record_key(RecordName.STORED))
    filled.dumping.catalog.append(filled.key, RecordName.STORED, strange)
    assert "timescaledb" in refused(filled.run_here(filled.ask()), "missing_extensions").cause


def test_a_restore_that_fails_in_the_middle_leaves_nothing(filled: RecoveringPostgres) -> None:
    filled.psql(in_the_original_only("RAISE EXCEPTION 'not here'"))
    filled.back_up()
    problem = refused(filled.run_here(filled.ask()), "restore_failed")
    assert "not here" in problem.cause
    filled.psql("DROP INDEX of_f; DROP FUNCTION f")


def in_the_original_only(otherwise: str) -> str:
    """Return what makes an index that does something else in any other database than `game`, late in its restore."""
    return (
        "CREATE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN "
        f"IF current_database() <> 'game' THEN {otherwise}; END IF; RETURN $1; END $$; CREATE INDEX of_f ON t (f(x))"
    )


def test_a_damaged_backup_is_never_run_on_the_server(filled: RecoveringPostgres) -> None:
    assert filled.key is not None
    store = filled.dumping.store
    body = bytearray(store.get(filled.key.text))
    body[len(body) // 2] ^= 1
    store.delete(filled.key.text)
    store.put(filled.key.text, bytes(body))
    recovery = filled.run_here(filled.ask())
    problem = recovery.records[-1].problem
    assert problem is not None
    assert (recovery.records[-1].state, problem.reason) == (RecoveryState.FAILED, "altered_object")


def test_prepared_transactions_stand_in_the_way_and_are_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = {"max_prepared_transactions": "5"}
    with new_recovering(tmp_path_factory.mktemp("prepared"), settings=settings) as prepared:
        prepared.psql("CREATE TABLE t (x int)")
        prepared.back_up()
        prepared.psql("BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'open'")
        assert "1 prepared" in refused(prepared.run_here(prepared.ask()), "prepared_transactions").cause
        prepared.psql("COMMIT PREPARED 'open'")
        assert prepared.run_here(prepared.ask()).has(RecoveryState.RECOVERED)


def test_what_does_not_fit_the_functions_time_is_refused_with_the_way_by_hand(filled: RecoveringPostgres) -> None:
    filled.psql(in_the_original_only("PERFORM pg_sleep(60)"))
    filled.back_up()
    began = time.monotonic()
    recovery = filled.run_here(filled.ask(), seconds=84)
    assert time.monotonic() - began < 30
    problem = refused(recovery, "too_large_for_one_function")
    assert "docs/runbook-recovery.md" in problem.hint
    filled.psql("DROP INDEX of_f; DROP FUNCTION f")


def test_a_function_without_room_names_the_parameter(filled: RecoveringPostgres, small_disk: Path) -> None:
    filled.psql("CREATE TABLE big AS SELECT md5(random()::text) || md5(random()::text) AS x FROM generate_series(1, 150000)")
    filled.back_up()
    filled.psql("DROP TABLE big")
    recovery = filled.ask()
    problem = refused(filled.run_here(recovery, scratch=small_disk), "scratch_full")
    assert "RecoverStorage" in problem.hint


@contextmanager
def lock_on_database(central: RecoveringPostgres) -> Iterator[None]:
    """Hold the lock that somebody has who changes the database."""
    server = central.dumping.server
    where = f"host=localhost hostaddr=127.0.0.1 port={server.port} dbname=postgres user=postgres"
    with psycopg.connect(where, password=server.superuser_password) as connection:
        connection.execute("COMMENT ON DATABASE game IS 'being changed'")
        yield
        connection.rollback()


def test_somebody_elses_lock_is_waited_for(filled: RecoveringPostgres) -> None:
    recovery = filled.ask()
    stop = threading.Event()

    def hold() -> None:
        with lock_on_database(filled):
            stop.wait(3)

    holder = threading.Thread(target=hold)
    holder.start()
    ended = filled.run_here(recovery)
    stop.set()
    holder.join()
    assert ended.has(RecoveryState.RECOVERED) or ended.has(RecoveryState.SWAPPING)
    ended = filled.run_here(recovery) if not ended.is_finished else ended
    assert ended.has(RecoveryState.RECOVERED), ended.records[-1].problem
    undo_to_what_was(filled, ended)


def undo_to_what_was(central: RecoveringPostgres, recovery: Recovery) -> None:
    """Put the kept database back by hand, as the runbook says, so that the fixture finds what it left."""
    assert recovery.swap is not None
    central.dumping.server.psql(
        f'DROP DATABASE game WITH (FORCE); ALTER DATABASE "{recovery.swap.kept}" RENAME TO game'
    )  # fmt: skip


def test_a_database_of_the_new_ones_name_is_nobodys_to_drop(filled: RecoveringPostgres) -> None:
    server = filled.dumping.server
    recovery = filled.ask()
    name = f"game_fleetsave_{recovery.id.number:06d}"
    server.create_database(name)
    server.psql("CREATE TABLE somebodys (x int)", name)
    refused(filled.run_here(recovery), "name_taken")
    assert server.psql("SELECT count(*) FROM somebodys", name) == "0"
    server.psql(f"DROP DATABASE {name}")


def test_a_rotated_password_is_read_once_more(filled: RecoveringPostgres) -> None:
    class Rotating:
        """Gives the old password until it is asked for what is there now."""

        def __init__(self) -> None:
            self.asked: list[bool] = []

        def get(self, name: str, *, fresh: bool = False) -> str:
            self.asked.append(fresh)
            password = filled.role.password if fresh else "the old one"
            assert name == RESTORE_SECRET
            return json.dumps({"username": filled.role.user, "password": password})

    secrets = Rotating()
    recovery = filled.run_here(filled.ask(target_path="copy"), secrets=secrets)
    assert recovery.has(RecoveryState.RECOVERED), recovery.records[-1].problem
    assert True in secrets.asked
    filled.dumping.server.psql("DROP DATABASE copy")


def test_a_server_behind_ssh_is_restored_to_by_the_key_for_restoring(filled: RecoveringPostgres, tmp_path: Path) -> None:
    with SshServer(tmp_path / "gate") as gate:
        ssh = gate.ssh_settings("fleetsave/ssh/read-gate").model_dump(mode="json", exclude={"connect_timeout"})
        filled.dumping.settings = {"ssh": ssh}
        filled.dumping.put_fleet()
        filled.put_secrets({"fleetsave/ssh/restore-gate": gate.private_key})
        recovery = filled.run_here(filled.ask(target_path="copy"))
    assert recovery.has(RecoveryState.RECOVERED), recovery.records[-1].problem
    assert filled.psql("SELECT count(*) FROM t", "copy") == "100"
    filled.dumping.server.psql("DROP DATABASE copy")
