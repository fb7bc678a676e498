"""The central PostgreSQL is dumped from one snapshot while it is written, whole or not at all."""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetsave.collect.outcome import AlreadyStored
from fleetsave.local.postgres_load import PgbenchLoad
from fleetsave.local.sshd import SshServer
from fleetsave.model.errors import CaptureError, HostKeyError, TransportError
from fleetsave.model.keys import RecordName
from fleetsave.model.kinds import DumpFormat
from tests.fixtures.dumping import DATABASE, SECRET, Dumping, locked, new_dumping

FORMATS: tuple[dict[str, str], ...] = ({}, {"compression": "none"}, {"format": "custom"})


@pytest.mark.parametrize("database", FORMATS, ids=["zstd", "plain", "custom"])
def test_what_is_stored_is_what_pg_dump_wrote_with_the_rows_of_its_snapshot(dumping: Dumping, database: dict[str, str]) -> None:
    dumping.database = {**database, "checks": {"total": "SELECT sum(abalance), count(*) FROM pgbench_accounts"}}
    dumping.put_fleet()
    dumping.bench(2)
    with PgbenchLoad(dumping.server, DATABASE) as load:
        before = load.transactions
        record = dumping.dump()
        assert load.is_running
    assert load.transactions > before
    report, plain = record.dump, dumping.plain(record)
    assert hashlib.sha256(plain).hexdigest() == record.plain_sha256 == report.sha256
    assert len(plain) == report.size == record.plain_size
    assert report.fingerprint is not None
    assert report.fingerprint.row_counts["public.pgbench_accounts"] == 200_000
    assert {name: block.rows for name, block in report.text.blocks.items()} == report.fingerprint.row_counts
    assert report.fingerprint.checks["total"][1] == "200000"
    text = plain if report.format is DumpFormat.PLAIN else dumping_text(dumping, plain, report.restrict_key)
    assert hashlib.sha256(text).hexdigest() == report.text.sha256
    assert text.rstrip().endswith(f"\\unrestrict {report.restrict_key}".encode())


def dumping_text(dumping: Dumping, archive: bytes, restrict_key: str) -> bytes:
    command = [dumping.programs.path("pg_restore"), f"--restrict-key={restrict_key}", "--file=-"]
    return subprocess.run(command, env=dumping.programs.environment(), input=archive, capture_output=True, check=True).stdout


def test_history_rows_are_counted_in_the_same_snapshot_that_is_dumped(dumping: Dumping) -> None:
    dumping.bench(1)
    counts = []
    with PgbenchLoad(dumping.server, DATABASE):
        for _ in range(3):
            fingerprint = dumping.dump().dump.fingerprint
            assert fingerprint is not None
            counts.append(fingerprint.row_counts["public.pgbench_history"])
    assert counts == sorted(counts)
    assert counts[0] < counts[-1], "nothing was written meanwhile: the test proves nothing"


def test_globals_stand_beside_the_dump_without_passwords_and_with_the_databases_own_settings(dumping: Dumping) -> None:
    dumping.server.create_role("player", password="a password of a player")
    dumping.server.psql(f"ALTER DATABASE {DATABASE} SET work_mem TO '5MB'; GRANT CREATE ON DATABASE {DATABASE} TO player")
    dumping.fill(10)
    record = dumping.dump()
    text = dumping.store.get(record.dump.globals.key)
    assert hashlib.sha256(text).hexdigest() == record.dump.globals.sha256
    assert record.dump.globals.key == record.key.removesuffix(".sql.zst") + "_globals.sql"
    assert b"CREATE ROLE player;" in text
    assert f'-- ALTER DATABASE "{DATABASE}" SET "work_mem" TO \'5MB\';'.encode() in text
    assert f'-- GRANT CREATE ON DATABASE "{DATABASE}" TO "player";'.encode() in text
    assert b"PASSWORD" not in text
    assert b"SCRAM" not in text


def test_a_slot_is_dumped_once(dumping: Dumping) -> None:
    dumping.fill(10)
    job = dumping.next_job()
    record = dumping.dump(job)
    again = dumping.collect(job)
    assert isinstance(again, AlreadyStored)
    assert dumping.announcer.keys[-2:] == [record.key, record.key]


def test_an_empty_database_has_a_dump_too(dumping: Dumping) -> None:
    record = dumping.dump()
    assert record.dump.text.blocks == {}
    assert b"PostgreSQL database dump complete" in dumping.plain(record)


@pytest.mark.parametrize("major", [14, 15, 17, 18])
def test_every_version_from_14_to_18_is_dumped(tmp_path: Path, major: int) -> None:
    with new_dumping(tmp_path, major=major) as dumping:
        dumping.fill(1000)
        record = dumping.dump()
        assert record.dump.server_major == major
        assert record.dump.text.blocks["public.ledger"].rows == 1000
        assert record.dump.database.encoding == "UTF8"


def test_what_was_uploaded_whole_is_published_by_the_next_run_without_another_dump(dumping: Dumping) -> None:
    dumping.fill(1000)
    job = dumping.next_job()
    calls = dumping.run(dumping.next_job())
    assert calls is not None
    completed = calls.store_calls.index("complete_upload") + 1
    assert dumping.run(job, kill_at=completed, kill_after=True) is None
    assert not dumping.catalog.has(dumping.key_of(job), RecordName.STORED)
    dumping.server.psql("DROP TABLE ledger", DATABASE)
    record = dumping.dump(job)
    assert record.dump.text.blocks["public.ledger"].rows == 1000
    assert dumping.open_uploads() == 0


@pytest.mark.parametrize("database", FORMATS, ids=["zstd", "plain", "custom"])
def test_the_commands_of_the_record_restore_it_beside_what_is_there(
    dumping: Dumping, tmp_path: Path, database: dict[str, str]
) -> None:
    dumping.database = database
    dumping.put_fleet()
    dumping.fill(500)
    dumping.server.psql("INSERT INTO ledger (payload) VALUES ('SET transaction_timeout = 0;')", DATABASE)
    record = dumping.dump()
    run_by_hand(dumping, record.restore_by_hand, tmp_path)
    assert dumping.server.psql("SELECT count(*) FROM ledger", f"{DATABASE}_restored") == "501"
    assert dumping.server.psql("SELECT count(*) FROM ledger", DATABASE) == "501"
    dumping.server.psql(f"DROP DATABASE {DATABASE}_restored")


def run_by_hand(dumping: Dumping, steps: list[str], folder: Path) -> None:
    """Do in a folder what a person would type, with the server's own programs; the store's client is what stands for `aws`."""
    programs = [str(dumping.programs.folder / "bin"), str(dumping.server.installation / "bin")]
    environment = dumping.server.environment()
    environment["PATH"] = ":".join([*programs, "/usr/bin", "/bin"])
    for step in steps:
        if step.startswith("aws s3 cp"):
            _, _, key = next(word for word in step.split() if word.startswith("s3://")).removeprefix("s3://").partition("/")
            (folder / step.split()[-1]).write_bytes(b"".join(dumping.store.read(key)))
        else:
            subprocess.run(["/bin/sh", "-ec", step], cwd=folder, env=environment, check=True)


# ---- through a server in between ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with SshServer(tmp_path_factory.mktemp("gate")) as server:
        yield server


def through(dumping: Dumping, gate: SshServer, **changes: object) -> None:
    ssh = gate.ssh_settings("fleetsave/ssh/read-gate").model_dump(mode="json", exclude={"connect_timeout"})
    dumping.settings = {"ssh": {**ssh, **changes}}
    dumping.put_fleet()
    account = json.dumps({"username": dumping.role.user, "password": dumping.role.password})
    dumping.put_secrets({"fleetsave/ssh/read-gate": gate.private_key, SECRET: account})


def test_a_database_that_is_not_public_is_dumped_through_ssh_with_its_name_still_verified(
    dumping: Dumping, gate: SshServer
) -> None:
    dumping.fill(300_000)
    direct = dumping.dump()
    through(dumping, gate)
    record = dumping.dump()
    assert record.dump.text.blocks == direct.dump.text.blocks
    assert record.plain_size == direct.plain_size


def test_an_unknown_gate_is_refused_before_anything_is_sent(dumping: Dumping, gate: SshServer) -> None:
    through(dumping, gate, host_keys=["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"])
    with pytest.raises(HostKeyError):
        dumping.collect()


def test_a_gate_that_does_not_forward_is_named(dumping: Dumping, tmp_path: Path) -> None:
    with SshServer(tmp_path / "gate", configuration=["AllowTcpForwarding no"]) as gate:
        through(dumping, gate)
        with pytest.raises(TransportError, match="cannot be reached from there") as refused:
            dumping.collect()
    assert "AllowTcpForwarding" in refused.value.hint


# ---- its end -----------------------------------------------------------------------------------------------------------------


def test_connections_end_with_the_run(dumping: Dumping) -> None:
    dumping.fill(10)
    dumping.dump()
    assert dumping.left_over() == []


def test_a_dump_that_does_not_fit_the_time_is_given_up_with_what_to_do(dumping: Dumping) -> None:
    dumping.settings = {"lock_timeout": "5m"}
    dumping.put_fleet()
    dumping.fill(10)
    before = dumping.data()
    with locked(dumping, "ledger"), pytest.raises(CaptureError) as refused:
        dumping.collect(is_near_deadline=lambda: True)
    assert (refused.value.reason, refused.value.retryable) == ("too_slow", False)
    assert "format: custom" in refused.value.hint
    assert (dumping.data(), dumping.open_uploads(), dumping.left_over()) == (before, 0, [])
