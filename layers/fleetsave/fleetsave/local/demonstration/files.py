"""The scenes of folders: tens of thousands of files and a whole server over HTTPS, and a deleted file back from one of them."""

import time
from datetime import UTC, datetime, timedelta

from rich.console import Console

from fleetsave.local.demonstration.following import follow
from fleetsave.local.demonstration.report import ArchiveLine, FileRecoveryLine
from fleetsave.local.demonstration.screen import human_bytes
from fleetsave.local.demonstration.stage import FILES, FULL, Stage
from fleetsave.local.demonstration.waiting import NotSeenError, wait_for
from fleetsave.model.history import State
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.records import Outcome
from fleetsave.model.slots import Slot

_PATIENCE = 240.0


def archive_everything(stage: Stage, console: Console) -> list[ArchiveLine]:
    """Send what the schedules of folders and of whole servers send, and return what is proven of each archive."""
    slot = Slot.floor(datetime.now(UTC), timedelta(minutes=1))
    for artifact_id in (FILES, FULL):
        stage.send("DispatchQueue", {"kind": artifact_id.kind, "slot": slot.at.isoformat(), "period_minutes": 1})
    return [_watch(stage, console, artifact_id) for artifact_id in (FILES, FULL)]


def _watch(stage: Stage, console: Console, artifact_id: ArtifactId) -> ArchiveLine:
    with console.status(f"{artifact_id}: captured over HTTPS, stored, every member read back"):
        wait_for(f"a verified {artifact_id}", lambda: stage.newest(artifact_id, State.VERIFIED) is not None, patience=_PATIENCE)
    backup = stage.newest(artifact_id, State.VERIFIED)
    assert backup is not None  # noqa: S101 - it has just been waited for
    record, verdict = stage.stored(backup.key), stage.verdict(backup.key, RecordName.VERIFIED)
    report = record.archive
    console.print(
        f"{backup.key}: {report.files} files of {human_bytes(report.content_size)} in {report.seconds:.1f} s by {report.method}, "
        f"{human_bytes(record.stored_size)} stored, {len(report.databases)} databases through SQLite",
        soft_wrap=True,
    )
    for problem in report.named:
        console.print(f"  [yellow]{problem.problem}[/] {problem.path!r}: {problem.detail}", soft_wrap=True)
    passed = [finding for finding in verdict.findings if finding.outcome is Outcome.PASSED]
    console.print(f"  [green]verified[/], level {verdict.level.value}, in {verdict.seconds:.1f} s by {len(passed)} checks")
    return ArchiveLine(
        server=artifact_id.server_id,
        kind=artifact_id.kind,
        artifact=artifact_id.artifact,
        key=backup.key.text,
        method=report.method,
        files=report.files,
        databases=len(report.databases),
        content_size=report.content_size,
        stored_size=record.stored_size,
        capture_seconds=report.seconds,
        problems=report.problems,
        level=verdict.level.value,
        verify_seconds=verdict.seconds,
    )


def recover_deleted_file(stage: Stage, console: Console) -> FileRecoveryLine:
    """Delete one file of tens of thousands, and let one signed request bring it back while the others stay as they are."""
    tree, backup = stage.tree, stage.newest(FILES, State.VERIFIED)
    assert backup is not None  # noqa: S101 - archive_everything has seen it
    path, digest = tree.precious.relative_to(tree.folder), tree.digest_of_precious()
    tree.precious.unlink()
    written = tree.log.stat().st_size
    console.print(f"[bold red]deleted[/] {path}")
    body = {"server_id": FILES.server_id, "backup_key": backup.key.text, "backup_type": "files", "paths": [str(path)]}
    console.print(f"POST /backup/recover  {body}", soft_wrap=True)
    started = time.monotonic()
    ended = follow(stage, console, stage.api.recover(body).document)
    seconds = time.monotonic() - started
    if tree.digest_of_precious() != digest:
        raise NotSeenError(f"{path} brought back as it was")
    written_on = tree.log.stat().st_size > written
    console.print(f"[green]recovered[/]: {path} is there again, byte for byte; the log beside it was written the whole time")
    return FileRecoveryLine(
        id=ended["id"],
        backup_key=BackupKey.parse(ended["backup_key"]).text,
        safety_backup_key=ended["safety_backup"]["backup_key"],
        status=ended["status"],
        path=str(path),
        seconds=round(seconds, 2),
        swap_seconds=ended["proof"]["swap"]["seconds"],
        findings=[f"{one['check']}: {one['outcome']}" for one in ended["proof"]["findings"]],
        written_on=written_on,
    )
