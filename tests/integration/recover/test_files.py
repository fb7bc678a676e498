"""A folder behind a real sshd, recovered from a real store as a whole, by paths, and out of a full backup; and each undone."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fleetsave.api.ports import ApiPorts
from fleetsave.api.room import Asked, undo_recovery
from fleetsave.catalog.fleet_file import write_fleet
from fleetsave.local.game import check_game, last_payment
from fleetsave.model.errors import RecoveryRefusedError
from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.recoveries import Recovery
from fleetsave.model.recovery_records import RecoveryRequest, RecoveryState, SwapMethod
from fleetsave.model.slots import Slot
from tests.fakes.job_queue import RecordingRecoveryQueue
from tests.fixtures.game import running_game
from tests.fixtures.recover_process import CollectNow, clock, services_of
from tests.fixtures.recovering import SERVER, Recovering
from tests.fixtures.trees import hostile_tree, snapshot_of

FILES = ArtifactId(SERVER, Kind.FILES, "files")
FULL = ArtifactId(SERVER, Kind.FULL, "full")
DATABASE = ArtifactId(SERVER, Kind.DATABASE, "database")


class Lived:
    """A server with a folder of hostile names and a database in it, and recoveries of both."""

    def __init__(self, recovering: Recovering) -> None:
        self.recovering = recovering
        self.root = recovering.folder / "home" / "world"
        self.database = recovering.folder / "home" / "money.db"
        hostile_tree(self.root)
        ssh = recovering.ssh.ssh_settings().model_dump(include={"host", "port", "user", "host_keys", "key_secret"})
        server = {
            "id": SERVER, "ssh": ssh, "staging": str(recovering.folder / "staging"), "full": {},
            "databases": [{"path": str(self.database), "checks": {"money": "SELECT sum(balance) FROM accounts"}}],
            "files": [{"path": str(self.root), "links_out": True}], "recovery": {"folders": [str(recovering.folder / "home")]},
        }  # fmt: skip
        write_fleet(recovering.store, json.dumps({"servers": [server]}))

    def back_up(self, artifact_id: ArtifactId) -> BackupKey:
        """Capture an artifact, and have it verified."""
        slot = Slot(clock().replace(microsecond=0))
        CollectNow(services_of(self.recovering.config("none.000001"))).send([Job(artifact_id, slot)])
        key = BackupKey(artifact_id, slot, Compression.ZSTD)
        assert self.recovering.catalog.has(key, RecordName.VERIFIED)
        return key

    def recover(self, key: BackupKey, **what: Any) -> Recovery:
        """Ask for a recovery, and run it in processes of its own to its end."""
        request = RecoveryRequest(SERVER, key.artifact_id.kind, SERVER, "somebody", "0" * 64, backup_key=key.text)
        recovery = self.recovering.recoveries.begin(replace(request, **what), clock()).recovery
        return self.recovering.run_to_the_end(recovery)

    def undo(self, recovery: Recovery) -> Recovery:
        """Take a recovery back, as the API does."""
        given = services_of(self.recovering.config("none.000001"))
        ports = ApiPorts(given.store, given.catalog, given.recoveries, RecordingRecoveryQueue(), given.now, None)
        return self.recovering.run_to_the_end(undo_recovery(recovery.id, Asked("somebody"), ports).recovery)


@pytest.fixture(scope="module")
def lived(recovering: Recovering) -> Iterator[Lived]:
    lived = Lived(recovering)
    with running_game(lived.database, rate=50):
        yield lived


def recovered(recovery: Recovery) -> Recovery:
    assert recovery.has(RecoveryState.RECOVERED), [(record.state, record.detail) for record in recovery.records]
    return recovery


def test_a_ruined_folder_comes_back_as_it_was_and_what_stood_there_is_kept_and_comes_back_too(lived: Lived) -> None:
    before = snapshot_of(lived.root)
    key = lived.back_up(FILES)
    for path in sorted(lived.root.iterdir())[:10]:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    (lived.root / "ransom.txt").write_text("pay")
    ruined = snapshot_of(lived.root)
    recovery = recovered(lived.recover(key))
    assert snapshot_of(lived.root) == before
    assert recovery.swap is not None
    assert (recovery.swap.method, recovery.swap.kept is not None) == (SwapMethod.SET_ASIDE, True)
    assert snapshot_of(next(Path(recovery.swap.kept or "").iterdir())) == ruined
    recovered(lived.undo(recovery))
    assert snapshot_of(lived.root) == ruined
    recovered(lived.recover(key))
    assert snapshot_of(lived.root) == before


def test_a_deleted_file_comes_back_beside_what_was_written_since_and_undoing_takes_it_away(lived: Lived) -> None:
    (lived.root / "deep" / "er").mkdir(parents=True)
    lost = lived.root / "deep" / "er" / "lost.dat"
    lost.write_bytes(b"lost and found" * 1_000)
    key = lived.back_up(FILES)
    shutil.rmtree(lived.root / "deep")
    (lived.root / "since.txt").write_text("written since")
    since = snapshot_of(lived.root)
    recovery = recovered(lived.recover(key, paths=["deep/er/lost.dat"]))
    assert lost.read_bytes() == b"lost and found" * 1_000
    after = snapshot_of(lived.root)
    assert {path for path in after if path not in since} == {b"deep", b"deep/er", b"deep/er/lost.dat"}
    recovered(lived.undo(recovery))
    assert snapshot_of(lived.root).keys() == since.keys()


def test_a_folder_and_a_database_come_out_of_a_full_backup(lived: Lived, tmp_path: Path) -> None:
    key = lived.back_up(FULL)
    before = snapshot_of(lived.root)
    payment = last_payment(lived.database)
    shutil.rmtree(lived.root)
    recovery = recovered(lived.recover(key, part="files/files"))
    assert snapshot_of(lived.root) == before
    assert recovery.swap is not None
    assert recovery.swap.method is SwapMethod.PLACE
    database = recovered(lived.recover(key, part="databases/database"))
    assert database.swap is not None
    assert database.swap.method is SwapMethod.IN_PLACE
    assert database.safety is not None
    assert database.safety.backup_key is not None
    assert check_game(lived.database) == []
    assert last_payment(lived.database) >= payment - 200
    del tmp_path


def test_a_whole_full_backup_is_unpacked_beside_and_never_over_anything(lived: Lived) -> None:
    key = lived.back_up(FULL)
    place = lived.recovering.folder / "home" / "everything"
    recovered(lived.recover(key, target_path=str(place)))
    assert snapshot_of(place / "files" / "files").keys() == snapshot_of(lived.root).keys()
    assert check_game(place / "databases" / "database.db") == []
    again = lived.recover(key, target_path=str(place))
    assert again.has(RecoveryState.FAILED)
    assert "something is there already" in again.records[-1].detail


def test_without_links_out_it_is_refused_before_anything_is_asked_of_the_server(lived: Lived) -> None:
    key = lived.back_up(FILES)
    assert any(one.check == "links_out" for one in lived.recovering.catalog.verdict(key, RecordName.VERIFIED).findings)
    with pytest.raises(RecoveryRefusedError):
        lived.undo(lived.recover(key, target_path="/etc/nowhere"))
