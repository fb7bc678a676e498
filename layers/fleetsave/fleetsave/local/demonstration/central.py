"""The scenes of the central PostgreSQL: dumped under load and proven, and a dropped table brought back by one signed request."""

import time
from typing import Any

from rich.console import Console
from rich.table import Table

from fleetsave.local.central_database import DATABASE, DROPPED
from fleetsave.local.demonstration.following import follow
from fleetsave.local.demonstration.report import CentralRecoveryLine, DumpLine
from fleetsave.local.demonstration.screen import human_bytes
from fleetsave.local.demonstration.stage import CENTRAL, Stage
from fleetsave.local.demonstration.waiting import NotSeenError
from fleetsave.model.history import State
from fleetsave.model.keys import RecordName


def show_proof(stage: Stage, console: Console) -> DumpLine:
    """Show how the first dump was proven; it has been verified."""
    backup = stage.newest(CENTRAL, State.VERIFIED)
    assert backup is not None  # noqa: S101 - watch_first_proofs has seen it
    record, verdict = stage.stored(backup.key), stage.verdict(backup.key, RecordName.VERIFIED)
    dump = record.dump
    console.print(
        f"{backup.key}: PostgreSQL {dump.server_version} by pg_dump {dump.tools_version}, {human_bytes(dump.size)} of SQL in "
        f"{dump.seconds:.1f} s, {human_bytes(record.stored_size)} stored; pgbench wrote {stage.central.load.transactions} times",
        soft_wrap=True,
    )
    for finding in verdict.findings:
        console.print(f"  [green]{finding.outcome}[/] {finding.check}: {finding.detail}", soft_wrap=True)
    counts = dump.fingerprint.row_counts if dump.fingerprint else {}
    return DumpLine(
        database=record.source_path,
        key=backup.key.text,
        slot=record.slot,
        server_version=dump.server_version,
        tables=len(counts),
        rows=sum(counts.values()),
        transactions_written=stage.central.load.transactions,
        dump_seconds=dump.seconds,
        plain_size=record.plain_size,
        stored_size=record.stored_size,
        level=verdict.level.value,
        verify_seconds=verdict.seconds,
        findings=[f"{one.check}: {one.outcome}" for one in verdict.findings],
    )


def recover_dropped_table(stage: Stage, console: Console) -> CentralRecoveryLine:
    """Drop a table under load, ask what a recovery would do, and let one signed request bring the table back."""
    central = stage.central
    backup = stage.newest(CENTRAL, State.VERIFIED)
    assert backup is not None  # noqa: S101 - watch_first_proofs has seen it
    rows = central.rows(DROPPED)
    central.server.psql(f"DROP TABLE {DROPPED} CASCADE", DATABASE)
    console.print(f"[bold red]dropped[/] {DROPPED} with its {rows} rows, and the view on it, while pgbench writes")
    body = {"server_id": "central", "backup_key": backup.key.text, "backup_type": "postgresql"}
    console.print(f"POST /backup/recover  {body} with dry_run", soft_wrap=True)
    _draw_plan(console, stage.api.plan(body).document)
    started = time.monotonic()
    asked = follow(stage, console, stage.api.recover(body).document)
    seconds = time.monotonic() - started
    found = central.rows(DROPPED)
    if found != rows:
        raise NotSeenError(f"{rows} rows of {DROPPED} brought back: there are {found}")
    kept = str(asked["proof"]["swap"]["kept"])
    console.print(f"[green]recovered[/]: {DROPPED} has its {found} rows again; what was there before is kept as {kept}")
    central.write_on()
    return CentralRecoveryLine(
        id=asked["id"],
        backup_key=asked["backup_key"],
        safety_backup_key=asked["safety_backup"]["backup_key"],
        status=asked["status"],
        dropped_table=DROPPED,
        rows_recovered=found or 0,
        kept_as=kept,
        seconds=round(seconds, 2),
        swap_seconds=asked["proof"]["swap"]["seconds"],
        findings=[f"{one['check']}: {one['outcome']}" for one in asked["proof"]["findings"]],
        written_on=central.load.is_running,
    )


def _draw_plan(console: Console, document: dict[str, Any]) -> None:
    """Show the rows of every table now and then, as the dry run has them."""
    plan = document["plan"]
    table = Table(title=f"now: {plan['compared_with']}; then: {plan['backup_slot']}", title_justify="left")
    for name in ("table", "rows now", "rows then"):
        table.add_column(name, justify="left" if name == "table" else "right")
    for line in plan["comparison"]:
        table.add_row(line["table"], *("none" if line[name] is None else str(line[name]) for name in ("rows_now", "rows_then")))
    console.print(table)
