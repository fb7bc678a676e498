"""What `make run` observed, as the JSON of `.local/report.json` (docs/report.md; schema in docs/report.schema.json)."""

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BackupLine(_Part):
    """One artifact's first proven backup of this run; sizes in bytes, times in seconds."""

    server: str
    artifact: str
    source_path: str
    key: str
    slot: str
    method: str = Field(description="how the snapshot was taken")
    journal_mode: str
    capture_seconds: float
    writer_stall_seconds: float = Field(description="longest a writer can have waited for the snapshot's read lock")
    writer_longest_wait_seconds: float = Field(description="longest write the game itself measured, for whatever reason")
    writes_acknowledged: int = Field(description="transactions the game had committed when this was read")
    plain_size: int
    stored_size: int
    level: int = Field(description="0 arrived, 1 checksum, 2 complete, 3 restored, 4 equal to the source, 5 application checks")
    verify_seconds: float


class BitFlipLine(_Part):
    """One bit flipped in a stored object, and what came of it."""

    key: str
    byte: int = Field(description="offset of the byte that was changed")
    findings: list[str] = Field(description="the checks that refused the object")
    replaced_by: str = Field(description="key of the fresh backup, verified")


class PruneLine(_Part):
    """What the deployed prune function deleted."""

    artifact: str
    deleted: list[str]
    kept_newest_verified: str
    metadata_kept: bool = Field(description="every deleted backup still has its records")


class DryRunLine(_Part):
    """What a dry run as of a later day would delete."""

    as_of: datetime
    would_delete: int
    would_keep: int
    reasons: dict[str, int] = Field(description="reason -> number of backups")


class RecoveryLine(_Part):
    """One recovery to a live server, or the undoing of one; times in seconds."""

    id: str
    undo_of: str | None = Field(description="the recovery that this one took back")
    server: str
    target_path: str
    backup_key: str
    safety_backup_key: str = Field(description="backup of what was there before, verified before anything was replaced")
    status: str
    method: str = Field(description="in_place: through SQLite, in one transaction, while the game writes")
    seconds: float = Field(description="from the request to the proof")
    swap_seconds: float
    findings: list[str] = Field(description="what was checked on the server after the swap")
    game_kept_playing: bool
    game_write_errors: int = Field(description="writes of the game that failed meanwhile")
    writer_longest_wait_seconds: float


class DumpLine(_Part):
    """The first proven dump of the central PostgreSQL, taken while pgbench wrote; sizes in bytes, times in seconds."""

    database: str
    key: str
    slot: str
    server_version: str
    tables: int
    rows: int
    transactions_written: int = Field(description="transactions that pgbench had committed when this was read")
    dump_seconds: float
    plain_size: int
    stored_size: int
    level: int
    verify_seconds: float
    findings: list[str] = Field(description="what was checked on the restored copy, its own dump compared among it")


class CentralRecoveryLine(_Part):
    """The recovery of a table that was dropped from the central PostgreSQL; times in seconds."""

    id: str
    backup_key: str
    safety_backup_key: str
    status: str
    dropped_table: str
    rows_recovered: int
    kept_as: str = Field(description="the database that was there before, under its dated name")
    seconds: float = Field(description="from the request to the proof")
    swap_seconds: float
    findings: list[str]
    written_on: bool = Field(description="pgbench writes the recovered database")


class ArchiveLine(_Part):
    """One proven archive of a folder or of a whole server, captured over HTTPS; sizes in bytes, times in seconds."""

    server: str
    kind: str
    artifact: str
    key: str
    method: str
    files: int
    databases: int = Field(description="databases in it that were captured through SQLite, restored and compared")
    content_size: int
    stored_size: int
    capture_seconds: float
    problems: dict[str, int] = Field(description="what moved while it was read, counted: a log that grew, for example")
    level: int
    verify_seconds: float


class FileRecoveryLine(_Part):
    """The recovery of one deleted file among tens of thousands; times in seconds."""

    id: str
    backup_key: str
    safety_backup_key: str
    status: str
    path: str = Field(description="the file, relative to its folder")
    seconds: float = Field(description="from the request to the proof")
    swap_seconds: float
    findings: list[str]
    written_on: bool = Field(description="the log in the same folder was written meanwhile")


class WatchdogLine(_Part):
    """What the watchdog mended, and what it told; times in seconds."""

    lost_event_of: str = Field(description="key of the stored backup that nobody was told of")
    seconds_to_repair: float = Field(description="from the watchdog's look to the verdict; it looks every 15 minutes")
    notice_subject: str = Field(description="what people were sent about a server that the fleet file had lost")
    notice_body: str
    recovered_subject: str = Field(description="what they were sent once it was there again")


class Report(_Part):
    """Everything one `make run` saw; `passed` only if every part of `observed` is true."""

    schema_version: int = 1
    fleetsave_version: str
    started_at: datetime
    seconds: float
    machine: str
    observed: dict[str, bool]
    passed: bool
    backups: list[BackupLine]
    bit_flip: BitFlipLine | None
    prune: PruneLine | None
    dry_run: DryRunLine | None
    recoveries: list[RecoveryLine]
    dump: DumpLine | None
    central_recovery: CentralRecoveryLine | None
    archives: list[ArchiveLine]
    file_recovery: FileRecoveryLine | None
    watchdog: WatchdogLine | None

    def write(self, path: Path) -> None:
        """Write the report as indented JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.model_dump_json(indent=2) + "\n")
