"""The closing table: what was observed, in one look."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table

from fleetsave.local.demonstration.report import Report
from fleetsave.local.demonstration.screen import human_bytes


def closing_table(report: Report) -> RenderableType:
    """Return a table of the backups and one of what was, and was not, observed."""
    backups = Table(title="Backups", title_justify="left")
    for name in (
        "server",
        "artifact",
        "journal",
        "captured by",
        "snapshot",
        "read lock",
        "game's longest wait",
        "bytes",
        "stored",
        "level",
    ):
        backups.add_column(name, justify="left" if name in ("server", "artifact", "journal", "captured by") else "right")
    for line in report.backups:
        backups.add_row(
            line.server,
            line.artifact,
            line.journal_mode,
            line.method,
            f"{line.capture_seconds:.2f} s",
            f"{line.writer_stall_seconds * 1000:.0f} ms",
            f"{line.writer_longest_wait_seconds * 1000:.0f} ms",
            human_bytes(line.plain_size),
            human_bytes(line.stored_size),
            str(line.level),
        )
    observed = Table(title=f"Observed in {report.seconds:.0f} s", title_justify="left", show_header=False)
    for name, seen in report.observed.items():
        observed.add_row(name.replace("_", " "), "[green]yes" if seen else "[bold red]no")
    recoveries = Table(title="Recoveries", title_justify="left")
    for name in ("recovery", "undoes", "method", "request to proof", "swap", "game's longest wait", "game's errors"):
        recoveries.add_column(name, justify="left" if name in ("recovery", "undoes", "method") else "right")
    for done in report.recoveries:
        recoveries.add_row(
            done.id,
            done.undo_of or "",
            done.method,
            f"{done.seconds:.1f} s",
            f"{done.swap_seconds:.2f} s",
            f"{done.writer_longest_wait_seconds * 1000:.0f} ms",
            str(done.game_write_errors),
        )
    return Group("", backups, *_central(report), *_archives(report), *_watchdog(report), recoveries, observed)


def _central(report: Report) -> Iterator[RenderableType]:
    """Yield a table of the central PostgreSQL's dump and recovery, as far as they were seen."""
    central = Table(title="Central PostgreSQL", title_justify="left", show_header=False)
    if report.dump is not None:
        dump = report.dump
        size = f"{human_bytes(dump.plain_size)} of SQL, {human_bytes(dump.stored_size)} stored"
        central.add_row("dumped", f"{dump.rows} rows in {dump.tables} tables in {dump.dump_seconds:.1f} s, {size}")
        passed = sum(finding.endswith(": passed") for finding in dump.findings)
        central.add_row("proven", f"level {dump.level} in {dump.verify_seconds:.1f} s, by {passed} checks")
    if report.central_recovery is not None:
        done = report.central_recovery
        central.add_row("recovered", f"{done.rows_recovered} rows of {done.dropped_table} in {done.seconds:.1f} s")
        central.add_row("swapped", f"in {done.swap_seconds:.2f} s; before it: {done.kept_as}")
    if central.row_count:
        yield central


def _archives(report: Report) -> Iterator[RenderableType]:
    """Yield a table of the archives and of the file that was recovered from one, as far as they were seen."""
    archives = Table(title="Folders and whole servers", title_justify="left", show_header=False)
    for line in report.archives:
        size = f"{human_bytes(line.content_size)}, {human_bytes(line.stored_size)} stored"
        held = f"{line.files} files and {line.databases} databases in {line.capture_seconds:.1f} s, {size}"
        archives.add_row(f"{line.server}/{line.kind}", held, f"level {line.level} in {line.verify_seconds:.1f} s")
    if report.file_recovery is not None:
        archives.add_row("recovered", report.file_recovery.path, f"in {report.file_recovery.seconds:.1f} s")
    if archives.row_count:
        yield archives


def _watchdog(report: Report) -> Iterator[RenderableType]:
    """Yield a table of what the watchdog mended and told, if it was seen."""
    if report.watchdog is not None:
        watchdog = Table(title="Watchdog", title_justify="left", show_header=False)
        watchdog.add_row("lost event", f"verified {report.watchdog.seconds_to_repair:.1f} s after a look")
        watchdog.add_row("told", report.watchdog.notice_subject)
        watchdog.add_row("and then", report.watchdog.recovered_subject)
        yield watchdog
