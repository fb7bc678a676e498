"""`fleetsave list` and `fleetsave show`: what backups there are, and all that is known of one."""

from typing import Any

import click
from pydantic import TypeAdapter
from rich.console import Console

from fleetsave.catalog.catalog import Catalog, Record
from fleetsave.catalog.find import find_backup
from fleetsave.cli.connect import Session
from fleetsave.cli.output import emit, json_option, size, table
from fleetsave.model.history import Backup, State
from fleetsave.model.keys import BackupKey, RecordName, parse_id
from fleetsave.model.kinds import Kind
from fleetsave.model.printing import printable
from fleetsave.model.records import ArchiveReport, CaptureReport, DumpReport, PrunedRecord, StoredRecord, VerdictRecord


@click.command("list")
@click.option("--server", metavar="ID", help="Only this server's.")
@click.option("--kind", type=click.Choice([one.value for one in Kind]), help="Only this kind.")
@click.option("--artifact", metavar="NAME", help="Only this artifact's.")
@click.option(
    "--state", type=click.Choice([one.value for one in State]), help="Only those in this state; without it, all but the pruned."
)
@click.option("--limit", type=click.IntRange(min=0), default=50, show_default=True, help="At most so many; 0 for all.")
@json_option
@click.pass_obj
def list_backups(
    session: Session, *, server: str | None, kind: str | None, artifact: str | None, state: str | None, limit: int, as_json: bool
) -> None:
    """List backups, the newest first, and where each stands.

    Those marked "safety" were made by a recovery, of what it was about to replace.
    """
    if server is not None:
        parse_id(server, "server id")
    listed = session.connect().catalog.backups(server, Kind(kind) if server and kind else None)
    found = [backup for backup in listed if _is_wanted(backup, kind, artifact, state)]
    found.sort(key=lambda backup: (backup.key.slot, backup.key), reverse=True)
    shown = found[: limit or None]
    document = {"total": len(found), "backups": [_summary(backup) for backup in shown]}

    def draw(console: Console) -> None:
        rows = ((one.key.slot.text, _state(one), one.key.text) for one in shown)
        console.print(table(("slot", "state", "key"), rows))
        console.print(f"{len(shown)} of {len(found)} backups")

    emit(document, draw, as_json=as_json)


@click.command()
@click.argument("key")
@json_option
@click.pass_obj
def show(session: Session, key: str, *, as_json: bool) -> None:
    """Show one backup: its records, what verify found, and how to restore it by hand.

    KEY is the object's key, with or without .zst, or an s3:// address.
    """
    catalog = session.connect().catalog
    backup = find_backup(catalog, key)
    records = _records(catalog, backup)
    document = {
        **_summary(backup),
        "records": {name: TypeAdapter(type(record)).dump_python(record, mode="json") for name, record in records.items()},
    }
    emit(document, lambda console: _draw(console, backup, records), as_json=as_json)


def _is_wanted(backup: Backup, kind: str | None, artifact: str | None, state: str | None) -> bool:
    return (
        (kind is None or backup.key.artifact_id.kind == kind)
        and (artifact is None or backup.key.artifact_id.artifact == artifact)
        and (backup.state == state if state else backup.state is not State.PRUNED)
    )


def _summary(backup: Backup) -> dict[str, Any]:
    return {
        "key": backup.key.text,
        "artifact": str(backup.key.artifact_id),
        "slot": backup.key.slot.text,
        "state": backup.state,
        "pinned": backup.is_pinned,
        "safety": backup.key.artifact_id.is_safety,
        "recorded_at": {name.value: moment.isoformat() for name, moment in sorted(backup.recorded_at.items())},
    }


def _state(backup: Backup) -> str:
    marks = [name for name, is_set in (("safety", backup.key.artifact_id.is_safety), ("pinned", backup.is_pinned)) if is_set]
    return f"{backup.state} ({', '.join(marks)})" if marks else backup.state


def _records(catalog: Catalog, backup: Backup) -> dict[RecordName, Record]:
    """Return the records of a backup, the pin excepted, which is only a mark. Raise CatalogError if one cannot be read."""
    return {
        name: _read(catalog, backup.key, name)
        for name in RecordName
        if name in backup.recorded_at and name is not RecordName.PINNED
    }


def _read(catalog: Catalog, key: BackupKey, name: RecordName) -> Record:
    if name is RecordName.STORED:
        return catalog.stored(key)
    return catalog.pruned(key) if name is RecordName.PRUNED else catalog.verdict(key, name)


def _draw(console: Console, backup: Backup, records: dict[RecordName, Record]) -> None:
    console.print(f"{backup.key}\nstate: {backup.state}{', pinned' if backup.is_pinned else ''}", soft_wrap=True)
    for name, record in records.items():
        console.print(f"\n{name} at {backup.recorded_at[name]:%Y-%m-%d %H:%M:%S} UTC")
        if isinstance(record, StoredRecord):
            _draw_stored(console, record)
        elif isinstance(record, VerdictRecord):
            draw_verdict(console, record)
        elif isinstance(record, PrunedRecord):
            console.print(f"  {printable(record.reason)}\n  newest verified then: {record.newest_verified_key}")


def _draw_stored(console: Console, record: StoredRecord) -> None:
    capture = record.capture
    console.print(f"  from {printable(record.source_path)} by {capture.method} ({_how(capture)}) in {capture.seconds:.2f} s")
    console.print(f"  {size(record.plain_size)} of content, {size(record.stored_size)} stored; sha256 {record.plain_sha256}")
    if capture.fingerprint:
        rows = sum(capture.fingerprint.row_counts.values())
        # A dump waits for nobody's writes, and nobody's writes for it.
        waited = capture.writer_stall_seconds if isinstance(capture, CaptureReport) else 0
        console.print(f"  {rows} rows in {len(capture.fingerprint.row_counts)} tables; writers waited {waited:.2f} s")
    console.print("  to restore it by hand:")
    for command in record.restore_by_hand:
        console.print(f"    {printable(command)}", soft_wrap=True)


def _how(capture: CaptureReport | DumpReport | ArchiveReport) -> str:
    if isinstance(capture, CaptureReport):
        return capture.journal_mode
    if isinstance(capture, DumpReport):
        return f"PostgreSQL {capture.server_version}, {capture.format}"
    troubles = ", ".join(f"{count} {problem}" for problem, count in sorted(capture.problems.items())) or "none missing or torn"
    return f"{capture.files} files of {size(capture.content_size)}, {len(capture.databases)} through SQLite; {troubles}"


def draw_verdict(console: Console, record: VerdictRecord) -> None:
    """Draw what verify found, finding by finding."""
    console.print(f"  level {record.level.value} ({record.level.name.lower()}) in {record.seconds:.2f} s")
    rows = ((f"  {found.check}", found.outcome, found.detail) for found in record.findings)
    console.print(table(("  check", "outcome", "detail"), rows))
