"""What cannot be recovered says what, why and what to do, on real parts; the live data stays as it was."""

import hashlib
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.local.game import check_game, create
from fleetsave.model.errors import RecoveryRefusedError
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.recoveries import Recovery
from fleetsave.model.recovery_records import RecoveryState
from tests.fixtures.recovering import Recovering


@pytest.fixture(scope="module")
def backed_up(recovering: Recovering) -> Recovering:
    """A database that nobody writes, and a verified backup of it."""
    create(recovering.database, "wal", world_megabytes=1)
    with closing(sqlite3.connect(recovering.database)) as connection, connection:
        connection.execute("INSERT INTO ledger VALUES (1, 0, 1, 10, 990, 1010)")
        connection.execute("UPDATE accounts SET balance = CASE id WHEN 0 THEN 990 WHEN 1 THEN 1010 ELSE balance END")
    recovering.back_up()
    return recovering


def refused(recovering: Recovering, reason: str, **what: object) -> Recovery:
    """Ask, let the worker work, and see that it ends with this reason, a hint, and everything as it was."""
    before = content(recovering.database)
    recovery = recovering.run_here(recovering.ask(**what))
    problem = recovery.records[-1].problem
    assert problem is not None, recovery.records[-1]
    assert (recovery.records[-1].state, problem.reason or problem.error) == (RecoveryState.FAILED, reason), problem
    assert problem.hint.endswith(".")
    assert content(recovering.database) == before
    assert recovering.left_beside() == []
    return recovery


def content(database: Path) -> str | None:
    """Return a digest of what is in a database, whatever its files look like; of a file that is none, of its bytes."""
    if not database.exists():
        return None
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return hashlib.sha256("\n".join(connection.iterdump()).encode()).hexdigest()
    except sqlite3.DatabaseError:
        return hashlib.sha256(database.read_bytes()).hexdigest()


def test_a_server_that_cannot_be_reached(backed_up: Recovering) -> None:
    port = backed_up.ssh.ssh_settings().port
    text = backed_up.store.get("config/fleet.yaml").decode()
    backed_up.store.put("config/fleet.yaml", text.replace(f'"port": {port}', '"port": 1').encode())
    refused(backed_up, "TransportError")
    backed_up.store.put("config/fleet.yaml", text.encode())


@pytest.mark.parametrize(
    ("command", "reason", "says"),
    [("echo no such unit >&2; exit 5", "hook_failed", "no such unit"), ("sleep 60", "hook_timed_out", "within 1 s")],
    ids=["fails", "hangs"],
)
def test_a_stop_command_that_fails_or_hangs(backed_up: Recovering, command: str, reason: str, says: str) -> None:
    started = backed_up.folder / "started"
    backed_up.write_fleet(before=command, after=f"touch '{started}'", hook_timeout="1s")
    recovery = refused(backed_up, reason)
    backed_up.write_fleet()
    assert says in recovery.records[-1].detail
    assert started.exists(), "whatever was stopped is started again"
    started.unlink()


def test_commands_that_stop_and_start_the_game(backed_up: Recovering) -> None:
    log = backed_up.folder / "hooks.log"
    backed_up.write_fleet(before=f"echo stop >> '{log}'", after=f"echo start >> '{log}'")
    recovery = backed_up.run_here(backed_up.ask())
    backed_up.write_fleet()
    assert recovery.has(RecoveryState.RECOVERED), recovery.records[-1]
    assert log.read_text() == "stop\nstart\n"


def test_a_start_command_that_fails_rolls_back(backed_up: Recovering) -> None:
    counter = backed_up.folder / "starts"
    with closing(sqlite3.connect(backed_up.database)) as connection, connection:
        connection.execute("UPDATE world SET block = 'ruined' WHERE id = 0")
    before = content(backed_up.database)
    # It fails when the restored database is there, and not when the old one is back.
    backed_up.write_fleet(before="true", after=f"echo x >> '{counter}'; test $(wc -l < '{counter}') -gt 1")
    recovery = backed_up.run_here(backed_up.ask())
    backed_up.write_fleet()
    assert recovery.records[-1].state is RecoveryState.ROLLED_BACK, recovery.records[-1]
    assert content(backed_up.database) == before
    assert backed_up.left_beside() == []


def test_another_schema_than_the_live_databases(backed_up: Recovering) -> None:
    with closing(sqlite3.connect(backed_up.database)) as connection:
        connection.execute("CREATE TABLE update_of_the_game (id INTEGER PRIMARY KEY)")
        refused(backed_up, "schema_differs")
    recovery = backed_up.run_here(backed_up.ask(allow_schema_change=True))
    assert recovery.has(RecoveryState.RECOVERED)
    assert "update_of_the_game" not in tables(backed_up.database)


def tables(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]


def test_a_backup_too_large_for_the_targets_disk(backed_up: Recovering) -> None:
    folder = backed_up.folder / "small disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "fleetsave-test", folder], check=True)
    try:
        backed_up.write_fleet(folders=[str(folder)])
        recovery = refused(backed_up, "no_room", target_path=str(folder / "restored.db"))
    finally:
        backed_up.write_fleet()
        subprocess.run(["umount", "--lazy", folder], check=True)
    assert "bytes are needed" in recovery.records[-1].detail


def test_another_path_gets_the_backup_and_the_live_database_is_left_alone(backed_up: Recovering) -> None:
    before, beside = content(backed_up.database), backed_up.database.with_name("as it was.db")
    recovery = backed_up.run_here(backed_up.ask(target_path=str(beside)))
    assert recovery.has(RecoveryState.RECOVERED), recovery.records[-1]
    assert check_game(beside) == []
    assert content(backed_up.database) == before
    assert not recovery.can_undo
    refused(backed_up, "target_exists", target_path=str(beside))


@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/cron.d/job", "{folder}/../elsewhere.db", "{folder}"])
def test_a_path_that_the_fleet_file_does_not_allow(backed_up: Recovering, path: str) -> None:
    given = path.format(folder=backed_up.database.parent)
    recovery = backed_up.run_here(backed_up.ask(target_path=given))
    problem = recovery.records[-1].problem
    assert problem is not None
    assert (problem.reason or problem.error) in ("target_not_allowed", "InvalidInputError")
    assert not recovery.has(RecoveryState.SELECTED)


def test_a_rejected_backup_is_refused_and_if_insisted_on_found_out_before_the_swap(backed_up: Recovering) -> None:
    key = damaged_backup(backed_up)
    refused(backed_up, "rejected", backup_key=key.text)
    refused(backed_up, "altered_object", backup_key=key.text, allow_unverified=True)


def damaged_backup(recovering: Recovering) -> BackupKey:
    """Take another backup, flip a bit in the middle of its object, and reject it."""
    first = recovering.key
    key = recovering.back_up()
    recovering.key = first
    body = bytearray(recovering.store.get(key.text))
    body[len(body) // 2] ^= 1
    recovering.store.put(key.text, bytes(body))
    recovering.catalog.append(key, RecordName.REJECTED, recovering.catalog.verdict(key, RecordName.VERIFIED))
    return key


@pytest.mark.parametrize("damage", ["gone", "empty", "garbage"])
def test_a_live_database_that_is_none_any_more_is_replaced_and_what_was_there_is_kept(
    backed_up: Recovering, damage: str
) -> None:  # fmt: skip
    ruin: dict[str, Callable[[], object]] = {
        "gone": lambda: subprocess.run(["rm", *backed_up.database.parent.glob("world.db*")], check=True),
        "empty": lambda: backed_up.database.write_bytes(b""),
        "garbage": lambda: backed_up.database.write_bytes(b"not a database" * 1000),
    }
    ruin[damage]()
    recovery = backed_up.run_here(backed_up.ask())
    assert recovery.has(RecoveryState.RECOVERED), recovery.records[-1]
    assert check_game(backed_up.database) == []
    assert recovery.swap is not None
    if damage == "gone":
        assert (recovery.swap.kept, backed_up.left_beside()) == (None, [])
        return
    assert recovery.swap.kept is not None
    kept = Path(recovery.swap.kept)
    assert (kept / "world.db").exists()
    subprocess.run(["rm", "-r", kept.parent], check=True)


def test_two_requests_at_once_are_one_recovery(backed_up: Recovering) -> None:
    first = backed_up.ask()
    with pytest.raises(RecoveryRefusedError) as second:
        backed_up.ask()
    assert (second.value.reason, str(first.id) in second.value.cause) == ("recovery_running", True)
    assert backed_up.run_here(first).has(RecoveryState.RECOVERED)
