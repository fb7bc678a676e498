"""What a person sees: one line for each artifact, from the schedule to the proof."""

from rich.table import Table

from fleetsave.local.demonstration.stage import Stage
from fleetsave.model.history import Backup, State
from fleetsave.model.keys import RecordName

_STYLES = {
    State.VERIFIED: "green",
    State.REJECTED: "bold red",
    State.SUSPECT: "yellow",
    State.INCONCLUSIVE: "yellow",
    State.STORED: "cyan",
}


def progress_table(stage: Stage, title: str) -> Table:
    """Return the state of every artifact's newest backup."""
    table = Table(title=title, title_justify="left", expand=False)
    for name in ("server", "artifact", "kind", "captured by", "writers waited", "bytes", "stored", "state"):
        table.add_column(name, justify="right" if name in ("bytes", "stored", "writers waited") else "left")
    for artifact_id in stage.artifacts:
        backup = stage.newest(artifact_id, State.VERIFIED) or stage.newest(artifact_id)
        game = stage.games.get(artifact_id)
        kind = game.database.journal_mode if game else f"PostgreSQL {stage.central.server.major}"
        waited = f"{game.status().longest_write_seconds * 1000:.0f} ms" if game else "none"
        table.add_row(artifact_id.server_id, artifact_id.artifact, kind, *_cells(stage, backup, waited))
    return table


def _cells(stage: Stage, backup: Backup | None, waited: str) -> list[str]:
    if backup is None or RecordName.STORED not in backup.recorded_at:
        return ["", waited, "", "", "[dim]waiting for the schedule"]
    record = stage.stored(backup.key)
    return [
        f"{record.capture.method}, {record.capture.seconds:.2f} s",
        waited,
        human_bytes(record.plain_size),
        human_bytes(record.stored_size),
        f"[{_STYLES.get(backup.state, 'white')}]{_state(stage, backup)}",
    ]


def _state(stage: Stage, backup: Backup) -> str:
    if backup.state is not State.VERIFIED:
        return f"{backup.state}, {backup.key.slot.text}"
    verdict = stage.verdict(backup.key, RecordName.VERIFIED)
    return f"verified, level {verdict.level.value} ({verdict.level.name.lower().replace('_', ' ')})"


def human_bytes(size: int) -> str:
    """Return a size as a person reads it, e.g. `48.2 MB`."""
    value, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
