"""The restorer asks the server for each step, and says by name what it answers; here the server is this machine."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fleetsave.local.game import check_game, create
from fleetsave.model.errors import RestoreError
from fleetsave.model.fleet import Server, Ssh
from fleetsave.model.records import Fingerprint, Level, Outcome
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import SwapMethod, TargetState
from fleetsave.sources.base import Restorer
from fleetsave.sources.sqlite.restorer import SqliteRestorer
from tests.fakes.fake_transport import FakeTransport
from tests.fixtures.restores import Backup

SSH = Ssh(host="127.0.0.1", user="game", host_keys=["ssh-ed25519 AAAA"], key_secret="key")


@pytest.fixture
def made(tmp_path: Path) -> Backup:
    create(tmp_path / "source.db", "wal")
    (tmp_path / "live").mkdir()
    return Backup(tmp_path / "source.db", tmp_path / "backup.db")


def restorer_of(made: Backup, transport: FakeTransport | None = None, **settings: Any) -> SqliteRestorer:
    server = Server(id="server_001", ssh=SSH, python=sys.executable)
    plan = made.plan(made.path.parent / "live" / "a.db", **settings)
    limit = timedelta(seconds=20)
    return SqliteRestorer(
        transport or FakeTransport(),
        server,
        plan,
        RecoveryId("server_001", 7),
        deadline=limit,
        allowed_folders=[],
        leg_bytes=6000,
    )


def test_it_goes_all_the_way(made: Backup) -> None:
    transport = FakeTransport()
    restorer: Restorer = restorer_of(made, transport)
    assert restorer.survey().target_state is TargetState.MISSING
    told: list[int] = []
    chunks = (made.content[start : start + 4000] for start in range(0, len(made.content), 4000))
    restorer.receive(0, chunks, told.append)
    assert told == [*range(4000, len(made.content), 4000), len(made.content)]
    assert transport.is_closed, "a long upload changes connections"
    report = restorer.check()
    assert [(finding.check, finding.level) for finding in report.findings] == [
        ("checksum", Level.CHECKSUM),
        ("integrity", Level.RESTORED),
        ("row_counts", Level.EQUAL_TO_SOURCE),
        ("schema", Level.EQUAL_TO_SOURCE),
        ("owner:money", Level.APPLICATION),
    ]
    assert report.fingerprint == made.fingerprint
    restorer.swap(SwapMethod.PLACE, keep_aside=True)
    assert {finding.outcome for finding in restorer.verify()} == {Outcome.PASSED}
    restorer.clean_up()
    assert check_game(made.path.parent / "live" / "a.db") == []


def test_a_copy_that_is_not_what_the_fingerprint_tells_is_found_out(made: Backup) -> None:
    restorer = restorer_of(made, fingerprint=Fingerprint({"accounts": 7}, "0" * 64))
    restorer.receive(0, made.chunks(), lambda _: None)
    failed = [finding.check for finding in restorer.check().findings if finding.outcome is Outcome.FAILED]
    assert failed == ["row_counts", "schema"]


def test_a_backup_without_a_fingerprint_is_restored_all_the_same(made: Backup) -> None:
    restorer = restorer_of(made, fingerprint=None)
    restorer.receive(0, made.chunks(), lambda _: None)
    assert [finding.check for finding in restorer.check().findings] == ["checksum", "integrity", "fingerprint"]
    restorer.swap(SwapMethod.PLACE)
    assert {finding.outcome for finding in restorer.verify()} == {Outcome.PASSED}


def test_what_goes_wrong_on_our_side_is_passed_on_and_what_arrived_stays(made: Backup) -> None:
    def chunks() -> Iterator[bytes]:
        yield made.content[:6000]
        yield made.content[6000:7000]
        raise OSError("the store went away")

    restorer = restorer_of(made)
    with pytest.raises(OSError, match="went away"):
        restorer.receive(0, chunks(), lambda _: None)
    assert restorer.received() == 6000
    restorer.receive(6000, iter([made.content[6000:]]), lambda _: None)
    assert restorer.check().size == len(made.content)


def test_a_reason_of_the_server_becomes_an_error_with_its_hint(made: Backup) -> None:
    with pytest.raises(RestoreError) as refused:
        restorer_of(made).swap(SwapMethod.PLACE)
    assert (refused.value.reason, refused.value.retryable) == ("no_copy", True)


def test_an_account_without_commands_is_refused(made: Backup) -> None:
    with pytest.raises(RestoreError) as refused:
        restorer_of(made, FakeTransport(can_execute=False)).survey()
    assert refused.value.reason == "sftp_only"
