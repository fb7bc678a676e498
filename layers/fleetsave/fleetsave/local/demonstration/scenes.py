"""The scenes of the demonstration; each watches the deployed functions do their work and returns what it saw."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.live import Live
from rich.table import Table

from fleetsave.catalog.fleet_file import read_fleet
from fleetsave.local.demonstration.report import BackupLine, BitFlipLine, DryRunLine, PruneLine
from fleetsave.local.demonstration.screen import progress_table
from fleetsave.local.demonstration.stage import SHORT_LIVED, Stage
from fleetsave.local.demonstration.waiting import NotSeenError, wait_for
from fleetsave.model.errors import ObjectNotFoundError
from fleetsave.model.history import State
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Kind
from fleetsave.model.records import Outcome
from fleetsave.prune.report import Outcome as PruneOutcome
from fleetsave.prune.room import prune

_LAST_QUIET_SECOND = 35

FLIPPED = ArtifactId("server_002", Kind.DATABASE, "database")


def watch_first_proofs(stage: Stage, console: Console) -> list[BackupLine]:
    """Wait until the schedule has fired and every artifact has a backup that was restored and compared."""
    with Live(progress_table(stage, "From schedule to proof"), console=console, refresh_per_second=4) as live:

        def all_verified() -> bool:
            live.update(progress_table(stage, "From schedule to proof"))
            return all(stage.newest(artifact_id, State.VERIFIED) for artifact_id in stage.artifacts)

        wait_for("a verified backup of every artifact", all_verified)
        live.update(progress_table(stage, "From schedule to proof"))
    return [_backup_line(stage, artifact_id) for artifact_id in stage.games]


def _backup_line(stage: Stage, artifact_id: ArtifactId) -> BackupLine:
    backup = stage.newest(artifact_id, State.VERIFIED)
    assert backup is not None  # noqa: S101 - watch_first_proofs has just seen it
    record, verdict = stage.stored(backup.key), stage.verdict(backup.key, RecordName.VERIFIED)
    status = stage.games[artifact_id].status()
    return BackupLine(
        server=artifact_id.server_id,
        artifact=artifact_id.artifact,
        source_path=record.source_path,
        key=backup.key.text,
        slot=record.slot,
        method=record.capture.method,
        journal_mode=record.snapshot.journal_mode,
        capture_seconds=record.capture.seconds,
        writer_stall_seconds=record.snapshot.writer_stall_seconds,
        writer_longest_wait_seconds=status.longest_write_seconds,
        writes_acknowledged=status.acknowledged,
        plain_size=record.plain_size,
        stored_size=record.stored_size,
        level=verdict.level.value,
        verify_seconds=verdict.seconds,
    )


def flip_a_bit(stage: Stage, console: Console) -> BitFlipLine:
    """Flip one bit of a stored object, have it read again, and wait until it is rejected and replaced.

    Only an artifact's newest backup is captured again, so it is done well before the schedule's next minute.
    """
    with console.status("Waiting for a quiet moment between two runs of the schedule"):
        wait_for("a quiet moment", lambda: datetime.now(UTC).second < _LAST_QUIET_SECOND and stage.is_idle())
    victim = stage.newest(FLIPPED, State.VERIFIED)
    assert victim is not None  # noqa: S101 - watch_first_proofs has seen it
    key = victim.key
    body = bytearray(stage.store.get(key.text, limit=1 << 30))
    position = len(body) // 2
    body[position] ^= 0x10
    stage.store.put(key.text, bytes(body))
    console.print(f"One bit of byte {position} of {key} is flipped in the store; verify reads it again.")
    stage.send("VerifyQueue", {"key": key.text, "force": True})
    wait_for("the flipped backup rejected", lambda: stage.catalog.has(key, RecordName.REJECTED))
    verdict = stage.verdict(key, RecordName.REJECTED)
    findings = [f"{finding.check}: {finding.detail}" for finding in verdict.findings if finding.outcome is Outcome.FAILED]
    console.print(f"[bold red]rejected[/] {key}", *findings, sep="\n  ")
    fresh = _replacement(key)
    wait_for("a fresh backup in its place", lambda: stage.catalog.has(fresh, RecordName.VERIFIED))
    console.print(f"[green]captured again and verified[/] {fresh}")
    return BitFlipLine(key=key.text, byte=position, findings=findings, replaced_by=fresh.text)


def _replacement(key: BackupKey) -> BackupKey:
    return BackupKey(key.artifact_id, key.slot.repair(1), key.compression)


def fire_prune(stage: Stage, console: Console) -> PruneLine:
    """Let the short-lived artifact gather verified backups, fire the deployed prune, and see which of them go."""
    with console.status("A second backup of the short-lived database, and for the first to outlive its 20 s"):
        wait_for("two verified backups of the short-lived database", lambda: len(_verified(stage)) >= 2)
        oldest = _verified(stage)[0]
        wait_for("the oldest to be past its retention", lambda: _age(stage, oldest) > timedelta(seconds=25))
    stage.send("PruneQueue", {"scheduled_time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"})
    wait_for("prune to delete the oldest backup", lambda: _is_gone(stage, oldest))
    deleted = [backup.key for backup in stage.backups(SHORT_LIVED) if backup.state is State.PRUNED]
    kept = _verified(stage)[-1]
    stage.store.head(kept.text)
    for key in deleted:
        console.print(f"[dim]pruned[/] {key}: {stage.catalog.pruned(key).reason}")
    console.print(f"[green]kept[/] {kept}, the newest verified")
    metadata_kept = all(stage.catalog.has(key, RecordName.STORED) for key in deleted)
    return PruneLine(
        artifact=str(SHORT_LIVED),
        deleted=[key.text for key in deleted],
        kept_newest_verified=kept.text,
        metadata_kept=metadata_kept,
    )


def dry_run(stage: Stage, console: Console) -> DryRunLine:
    """Ask what prune would delete 31 days from now, and why; nothing is deleted."""
    now = datetime.now(UTC)
    as_of = now + timedelta(days=31)
    before = {info.key for info in stage.store.list("servers/")}
    report = prune(
        store=stage.store,
        catalog=stage.catalog,
        fleet=read_fleet(stage.store),
        default_keep_for=timedelta(days=30),
        now=now,
        execute=False,
        as_of=as_of,
    )
    if missing := before - {info.key for info in stage.store.list("servers/")}:
        raise NotSeenError(f"a dry run that leaves everything in place: {', '.join(sorted(missing))}")
    table = Table(title=f"As of {as_of:%Y-%m-%d %H:%M} UTC, if nothing were captured until then", title_justify="left")
    for name in ("backup", "would", "why"):
        table.add_column(name)
    for line in report.lines:
        style = "red" if line.outcome is PruneOutcome.WOULD_DELETE else "green"
        table.add_row(line.key.rpartition("/")[2], f"[{style}]{line.action}", line.reason)
    console.print(table)
    would_delete = [line for line in report.lines if line.outcome is PruneOutcome.WOULD_DELETE]
    return DryRunLine(
        as_of=as_of,
        would_delete=len(would_delete),
        would_keep=len(report.lines) - len(would_delete),
        reasons=dict(Counter(line.rule.value for line in report.lines)),
    )


def _verified(stage: Stage) -> list[BackupKey]:
    return [backup.key for backup in stage.backups(SHORT_LIVED) if backup.state is State.VERIFIED]


def _age(stage: Stage, key: BackupKey) -> timedelta:
    return datetime.now(UTC) - stage.stored(key).finished_at


def _is_gone(stage: Stage, key: BackupKey) -> bool:
    try:
        stage.store.head(key.text)
    except ObjectNotFoundError:
        return stage.catalog.has(key, RecordName.PRUNED)
    return False
