"""Whatever is put into collect's door: one clear error, a memory or a message kept, and nothing half-done."""

import subprocess
from pathlib import Path

import pytest

from fleetsave.local.game import create
from tests.fixtures.servers import SftpOnlyServer
from tests.integration.bad_input.case import Case
from tests.integration.bad_input.connections import CONNECTIONS
from tests.integration.bad_input.databases import DATABASES
from tests.integration.bad_input.messages import MESSAGES
from tests.integration.bad_input.refusals import Ear, assert_clear, assert_unharmed
from tests.integration.bad_input.station import KEY_SECRET, Station
from tests.integration.bad_input.stores import STORES

CASES = [*CONNECTIONS, *DATABASES, *STORES, *MESSAGES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_refused_clearly_and_nothing_is_half_done(station: Station, ear: Ear, case: Case) -> None:
    mend = case.spoil(station)
    digests = station.digests()

    heard = ear.collect(station)

    said = assert_clear(heard, error=case.error, says=case.says, retryable=case.retryable)
    assert heard.kept is case.kept
    assert len(station.queue.returned) == case.at_once
    assert station.queue.jobs == []
    station.push_fleet()
    failure = station.failure()
    assert (failure is not None) is case.remembered
    if failure is not None:
        assert {name: failure[name] for name in ("error", "cause", "hint")} == {
            name: said[name] for name in ("error", "cause", "hint")
        }
    assert_unharmed(station, digests, ear)
    if case.mended:
        assert mend
        mend()
        assert_next_slot_succeeds(station, ear)


def assert_next_slot_succeeds(station: Station, ear: Ear) -> None:
    """Make sure that once the cause is gone the next slot is stored, or its glob expanded, and the failure forgotten."""
    station.next_slot()
    heard = ear.collect(station)
    assert (heard.kept, heard.errors) == (False, [])
    assert station.failure() is None
    assert station.queue.jobs or station.is_stored()


def test_an_account_with_sftp_alone_is_refused_by_name(station: Station, ear: Ear, sftp_only_server: SftpOnlyServer) -> None:
    server = sftp_only_server.server
    station.server["ssh"] |= {"port": server.port, "user": server.user, "host_keys": [server.host_key_line]}
    station.secrets[KEY_SECRET] = server.private_key
    station.push_fleet()
    digests = station.digests()
    heard = ear.collect(station)
    assert_clear(heard, error="CaptureError", says="account that may run commands", retryable=False)
    assert not heard.kept
    assert station.failure()
    assert_unharmed(station, digests, ear)


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_a_full_disk_on_the_server_is_got_round_by_streaming(
    station: Station, ear: Ear, small_disk: Path, journal_mode: str
) -> None:
    fill(station, small_disk, journal_mode)
    heard = ear.collect(station)
    assert (heard.kept, heard.errors) == (False, [])
    assert station.is_stored()
    assert list(small_disk.iterdir()) == list(station.scratch.iterdir()) == []


def test_full_disks_on_both_sides_are_refused_and_left_empty(station: Station, ear: Ear, small_disk: Path) -> None:
    fill(station, small_disk, "wal")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "fleetsave-test", station.scratch], check=True)
    station.cleanup.callback(lambda: subprocess.run(["umount", "--lazy", station.scratch], check=True))
    digests = station.digests()
    heard = ear.collect(station)
    assert_clear(heard, error="CaptureError", says="Make room for a snapshot on the server", retryable=False)
    assert not heard.kept
    assert station.failure()
    assert_unharmed(station, digests, ear)
    station.server["staging"] = str(station.staging)
    station.push_fleet()
    assert_next_slot_succeeds(station, ear)


def fill(station: Station, small_disk: Path, journal_mode: str) -> None:
    """Give the server a disk without room for its database's snapshot."""
    station.database.unlink()
    create(station.database, journal_mode, world_megabytes=2)
    station.server["staging"] = str(small_disk)
    station.push_fleet()
