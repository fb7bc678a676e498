"""A bucket in memory with backups of any age, for the tests of prune, of its function and of the command line."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.fleet_file import parse_fleet
from fleetsave.model.fleet import Fleet
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.records import CaptureReport, Finding, Fingerprint, Level, Outcome, StoredRecord, VerdictRecord
from fleetsave.model.slots import Slot
from fleetsave.store.base import ObjectInfo
from tests.fakes.memory_store import MemoryStore

NOW = datetime(2026, 6, 15, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)
VERIFIED = (RecordName.STORED, RecordName.VERIFIED)
BODY = b"a backup's bytes"
FLEET_TEXT = """
version: 1
defaults:
  retention: {keep_last: 1, maximum_share: 1}
servers:
  - id: alpha
    ssh: {host: localhost, user: backup, host_keys: ["ssh-ed25519 AAAA"], key_secret: fleetsave/ssh/read}
    databases:
      - {path: /srv/game.db}
      - {name: worlds, path: /srv/worlds/*.db}
  - id: beta
    ssh: {host: localhost, user: backup, host_keys: ["ssh-ed25519 AAAA"], key_secret: fleetsave/ssh/read}
    databases: [{path: /srv/game.db}]
"""


class Clock:
    """A clock that stands where it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def key_of(age: timedelta, server_id: str = "alpha", artifact: str = "database") -> BackupKey:
    """Return the key of a backup whose slot lies `age` before NOW."""
    return BackupKey(ArtifactId(server_id, Kind.DATABASE, artifact), Slot(NOW - age), Compression.ZSTD)


class Bucket:
    """A store whose objects were written when their backups say."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = MemoryStore(self.clock)
        self.catalog = Catalog(self.store)
        self.store.put("config/fleet.yaml", FLEET_TEXT.encode())

    def add(self, key: BackupKey, records: Sequence[RecordName] = VERIFIED, *, data: bool = True) -> BackupKey:
        """Put a backup there as of its slot, with these records."""
        self.clock.now = key.slot.at
        if data:
            self.store.put(key.text, BODY)
        for name in records:
            if name is RecordName.PINNED:
                self.store.put(key.record_key(name), b"{}")
            elif name is RecordName.PRUNED:
                self.store.put(key.record_key(name), b'{"half": "done"}')
            else:
                self.catalog.append(key, name, stored(key) if name is RecordName.STORED else verdict(key, name))
        self.clock.now = NOW
        return key

    def add_ages(self, *days: float, server_id: str = "alpha") -> list[BackupKey]:
        """Put verified backups of these ages there."""
        return [self.add(key_of(age * DAY, server_id)) for age in days]

    def data(self) -> set[str]:
        """Return the keys of the data objects."""
        return {info.key for info in self.store.list("servers/")} | {info.key for info in self.store.list("central/")}


class CutListing(MemoryStore):
    """The same objects as `whole`, listed without those that `hides` names; asked for by name, they are there."""

    def __init__(self, whole: MemoryStore, hides: Callable[[str], bool]) -> None:
        super().__init__()
        self.__dict__.update(whole.__dict__)
        self._hides = hides

    def list(self, prefix: str, *, start_after: str | None = None) -> Iterator[ObjectInfo]:
        """List what is not hidden."""
        return (info for info in super().list(prefix, start_after=start_after) if not self._hides(info.key))


def stored(key: BackupKey) -> StoredRecord:
    """Return a complete record of a capture."""
    artifact_id = key.artifact_id
    capture = CaptureReport(
        snapshot_id="s1", method="backup", journal_mode="wal", page_size=4096, page_count=2, size=8192, sha256="0" * 64,
        sha256_origin="source", seconds=0.1, lock_seconds=0.0, writer_stall_seconds=0.0, source_path="/srv/game.db",
        source_size=8192, source_mtime=0.0, sqlite_version="3.40.1", runtime="python 3.11",
        fingerprint=Fingerprint({"players": 3}, "1" * 64),
    )  # fmt: skip
    return StoredRecord(
        key=key.text, server_id=artifact_id.server_id, kind=artifact_id.kind, artifact=artifact_id.artifact, slot=key.slot.text,
        compression=key.compression, plain_sha256="0" * 64, plain_size=8192, stored_sha256="2" * 64, stored_size=len(BODY),
        etag="3" * 32, parts=[], capture=capture, started_at=key.slot.at, finished_at=key.slot.at, fleetsave_version="0",
        restore_by_hand=[f"aws s3 cp s3://bucket/{key.text} ."], source_path="/srv/game.db",
    )  # fmt: skip


def verdict(key: BackupKey, name: RecordName) -> VerdictRecord:
    """Return a record of a verdict, with one finding."""
    finding = Finding("integrity", Outcome.PASSED, "PRAGMA integrity_check: ok", Level.RESTORED)
    if name is RecordName.SUSPECT:
        finding = replace(finding, outcome=Outcome.SUSPECT, detail="half of the rows are gone")
    return VerdictRecord(key.text, name, Level.RESTORED, [finding], "3" * 32, "2" * 64, "0" * 64, key.slot.at, 0.5, "0")


def fleet() -> Fleet:
    """Return the fleet of the bucket."""
    return parse_fleet(FLEET_TEXT)
