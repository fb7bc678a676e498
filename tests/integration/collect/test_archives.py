"""A folder and a whole server behind a real sshd, stored on a real S3 server and proven; what cannot be had leaves nothing."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fleetsave.catalog.fleet_file import write_fleet
from fleetsave.local.world_tree import WorldTree
from fleetsave.model.errors import CaptureError
from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.manifests import Entry, EntryType, read_entries
from fleetsave.model.records import Level, Outcome
from fleetsave.store.decompress import plain_chunks
from tests.fixtures.game import running_game
from tests.fixtures.recover_process import CollectNow, services_of
from tests.fixtures.recovering import SERVER, Recovering
from tests.unit.collect.world import SLOT

FILES = ArtifactId(SERVER, Kind.FILES, "files")
FULL = ArtifactId(SERVER, Kind.FULL, "full")


class Station:
    """One server with a folder that is lived in, and collect and verify beside a real store."""

    def __init__(self, recovering: Recovering, tree: WorldTree) -> None:
        self.recovering = recovering
        self.tree = tree
        self.slots = 0

    def fleet(self, *, full: dict[str, Any] | None = None, databases: list[dict[str, Any]] | None = None, **files: Any) -> None:
        ssh = self.recovering.ssh.ssh_settings().model_dump(include={"host", "port", "user", "host_keys", "key_secret"})
        server: dict[str, Any] = {"id": SERVER, "ssh": ssh, "staging": str(self.recovering.folder / "staging")}
        server["files"] = [{"path": str(self.tree.folder), **files}]
        server |= {"databases": databases or []} | ({} if full is None else {"full": full})
        write_fleet(self.recovering.store, json.dumps({"servers": [server]}))

    def collect(self, artifact_id: ArtifactId) -> BackupKey:
        """Capture, store and judge one artifact, for a slot of its own."""
        self.slots += 1
        slot = SLOT.repair(self.slots)
        CollectNow(services_of(self.recovering.config("none.000001"))).send([Job(artifact_id, slot)])
        return BackupKey(artifact_id, slot, Compression.ZSTD)

    def manifest(self, key: BackupKey) -> list[Entry]:
        """Return what the manifest beside a backup says."""
        assert key.beside_key is not None
        stored = b"".join(plain_chunks(self.recovering.store.read(key.beside_key), Compression.ZSTD))
        return list(read_entries(stored.splitlines(), key.beside_key))

    def nothing_is_left_of(self, slots: int) -> bool:
        """Tell whether neither object nor upload nor snapshot is there but those of earlier slots."""
        store = self.recovering.store
        objects = [info.key for info in store.list("servers/") if SLOT.repair(slots).text in info.key]
        staging = self.recovering.folder / "staging"
        snapshots = [file.name for file in staging.iterdir() if file.suffix == ".db"] if staging.exists() else []
        return not objects and not snapshots and not list(store.list_uploads(""))


@pytest.fixture(scope="module")
def station(recovering: Recovering) -> Iterator[Station]:
    with world(recovering.folder / "world") as tree:
        yield Station(recovering, tree)


@contextmanager
def world(folder: Path) -> Iterator[WorldTree]:
    tree = WorldTree(folder, small=400, large=1, large_megabytes=9)
    try:
        yield tree
    finally:
        tree.stop()


def test_a_live_folder_is_verified_and_restores_by_hand_to_what_the_manifest_says(station: Station, tmp_path: Path) -> None:
    station.fleet()
    key = station.collect(FILES)
    catalog, store = station.recovering.catalog, station.recovering.store
    verdict = catalog.verdict(key, RecordName.VERIFIED)
    assert verdict.level >= Level.EQUAL_TO_SOURCE
    record = catalog.stored(key)
    assert set(record.archive.problems) <= {"grew"}
    (tmp_path / key.text.rpartition("/")[2]).write_bytes(b"".join(store.read(key.text)))
    for command in record.restore_by_hand[1:]:
        subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, capture_output=True)
    (restored,) = (path for path in tmp_path.iterdir() if path.is_dir())
    entries = station.manifest(key)
    assert len(entries) > 400
    for entry in entries:
        path = os.path.join(os.fsencode(restored), os.fsencode(entry.path))  # noqa: PTH118 - names that are no text
        assert os.lstat(path).st_mtime_ns == entry.mtime_ns or entry.type is EntryType.HARDLINK
    assert (restored / "files/files/spawn.dat").samefile(restored / "files/files/chunks/000/c.0.dat")


def test_a_whole_server_with_a_database_that_is_written_at_full_speed_is_verified(station: Station) -> None:
    with running_game(station.tree.folder / "game.db") as game:
        station.fleet(full={}, databases=[{"path": str(game.path)}])
        key = station.collect(FULL)
    verdict = station.recovering.catalog.verdict(key, RecordName.VERIFIED)
    assert verdict.level >= Level.EQUAL_TO_SOURCE
    checks = {finding.check: finding.outcome for finding in verdict.findings}
    assert any(name.startswith("databases/database.db: ") and found is Outcome.PASSED for name, found in checks.items())
    report = station.recovering.catalog.stored(key).archive
    assert report.databases == ["databases/database.db"]
    paths = {entry.path for entry in station.manifest(key)}
    assert "files/files/chunks" in paths
    assert not paths & {f"files/files/game.db{suffix}" for suffix in ("", "-wal", "-shm", "-journal")}
    assert station.nothing_is_left_of(station.slots + 1)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"path": "/nowhere/at/all"}, "missing"),
        ({"deadline": "1s", "path": "/usr/lib"}, "deadline"),
        ({"path": "/etc/passwd"}, "not_a_folder"),
    ],
)
def test_what_cannot_be_had_is_refused_by_name_and_leaves_nothing(station: Station, files: dict[str, Any], reason: str) -> None:
    station.fleet(**files)
    with pytest.raises(CaptureError) as caught:
        station.collect(FILES)
    assert caught.value.reason == reason
    assert station.nothing_is_left_of(station.slots)


def test_a_full_backup_without_one_of_its_databases_is_none(station: Station) -> None:
    missing = station.tree.folder / "missing.db"
    station.fleet(full={}, databases=[{"path": str(missing)}])
    with pytest.raises(CaptureError) as caught:
        station.collect(FULL)
    assert (caught.value.reason, str(missing) in str(caught.value)) == ("missing", True)
    assert station.nothing_is_left_of(station.slots)


def test_what_has_no_content_is_named_even_if_its_name_is_not_utf8(station: Station) -> None:
    odd = os.path.join(os.fsencode(station.tree.folder), b"pipe-\xff")  # noqa: PTH118 - a name that is no text
    os.mkfifo(odd)
    try:
        station.fleet(name="odd")
        key = station.collect(ArtifactId(SERVER, Kind.FILES, "odd"))
    finally:
        os.unlink(odd)  # noqa: PTH108 - a name that is no text
    report = station.recovering.catalog.stored(key).archive
    assert [one.path for one in report.named if one.problem == "special"] == ["files/odd/pipe-\\xff"]
    assert [one.path for one in station.manifest(key) if one.problem == "special"] == ["files/odd/pipe-\udcff"]


def test_a_file_that_is_too_large_is_named_and_the_fleet_file_decides(station: Station) -> None:
    capped = ArtifactId(SERVER, Kind.FILES, "capped")
    station.fleet(name="capped", maximum_file_size="1M")
    key = station.collect(capped)
    report = station.recovering.catalog.stored(key).archive
    assert report.problems["too_large"] == 1
    assert [one.path for one in report.named if one.problem == "too_large"] == ["files/capped/region-0.mca"]
    warnings = [
        one for one in station.recovering.catalog.verdict(key, RecordName.VERIFIED).findings if one.outcome is Outcome.WARNING
    ]
    assert any("region-0.mca" in one.detail for one in warnings)
    station.fleet(name="capped", maximum_file_size="1M", on_partial="fail")
    with pytest.raises(CaptureError, match=r"region-0\.mca") as caught:
        station.collect(capped)
    assert caught.value.reason == "partial"
    assert station.nothing_is_left_of(station.slots)
