"""Backups of a central PostgreSQL as the catalog knows them: records alone, nothing of a server."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from fleetsave.model.dumps import Block, DatabaseProperties, DumpReport, DumpText, GlobalsReport
from fleetsave.model.fleet import Fleet
from fleetsave.model.keys import CENTRAL_SERVER_ID, ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, DumpFormat, Kind
from fleetsave.model.records import Fingerprint, StoredRecord
from fleetsave.model.recovery_records import RecoveryRequest
from fleetsave.model.slots import Slot
from tests.unit.prune.bucket import NOW, VERIFIED, Bucket, stored

CENTRAL = RecoveryRequest(CENTRAL_SERVER_ID, Kind.POSTGRESQL, CENTRAL_SERVER_ID, "somebody", "1" * 64)
"""Asks for the newest verified backup of the central database, into its place."""


def fleet_of(*databases: dict[str, Any], **postgresql: Any) -> Fleet:
    """Return a fleet of a central PostgreSQL alone, by default with the database `game`."""
    content = {
        "host": "db.example.com",
        "secret": "fleetsave/postgresql/read-central",
        "databases": list(databases) or [{"database": "game"}],
        **postgresql,
    }
    return Fleet.model_validate({"postgresql": content})


def key_of(age: timedelta, artifact: str = "postgresql", dump_format: DumpFormat = DumpFormat.PLAIN) -> BackupKey:
    """Return the key of a dump whose slot lies `age` before NOW."""
    compression = Compression.ZSTD if dump_format is DumpFormat.PLAIN else Compression.NONE
    return BackupKey(ArtifactId(CENTRAL_SERVER_ID, Kind.POSTGRESQL, artifact), Slot(NOW - age), compression, dump_format)


def dump_report(
    key: BackupKey, rows: dict[str, int] | None, *, schema: str = "1" * 64, database: str = "game", **changes: Any
) -> DumpReport:
    """Return the report of a dump; `rows` are those of the fingerprint, None for a dump without one."""
    properties = DatabaseProperties(
        owner="postgres", encoding="UTF8", provider="libc", collate="C.UTF-8", ctype="C.UTF-8", locale=None, icu_rules=None,
        connection_limit=-1,
    )  # fmt: skip
    report = DumpReport(
        snapshot_id="s1", method="pg_dump", format=key.format, size=8192, sha256="0" * 64, seconds=0.5, source_path=database,
        server_version="16.15", server_version_number=160015, tools_version="18.6", restrict_key="k" * 48, database=properties,
        database_size=9_000_000, bootstrap_superuser="postgres",
        text=DumpText(8192, "0" * 64, schema, {name: Block(count, "4" * 64) for name, count in (rows or {}).items()}),
        globals=GlobalsReport(str(key.beside_key), "5" * 64, 100), sequences={}, extensions={}, tablespaces=[],
        fingerprint=None if rows is None else Fingerprint(rows, schema),
    )  # fmt: skip
    return replace(report, **changes)


def stored_dump(key: BackupKey, report: DumpReport) -> StoredRecord:
    """Return the record of a stored dump."""
    return replace(stored(key), capture=report, source_path=report.source_path)


def add(bucket: Bucket, key: BackupKey, rows: dict[str, int] | None = None, *, verified: bool = True, **report: Any) -> BackupKey:
    """Put a dump's records there."""
    bucket.add(key, VERIFIED if verified else (RecordName.STORED,))
    bucket.store.delete(key.record_key(RecordName.STORED))
    bucket.catalog.append(key, RecordName.STORED, stored_dump(key, dump_report(key, rows, **report)))
    return key
