"""`python -m fleetsave.local.demonstration`: play every scene, say what was seen, and fail if anything was not."""

import argparse
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

import fleetsave
from fleetsave.local.demonstration.central import recover_dropped_table, show_proof
from fleetsave.local.demonstration.closing import closing_table
from fleetsave.local.demonstration.files import archive_everything, recover_deleted_file
from fleetsave.local.demonstration.recovery import recover_and_undo
from fleetsave.local.demonstration.report import (
    ArchiveLine,
    BackupLine,
    BitFlipLine,
    CentralRecoveryLine,
    DryRunLine,
    DumpLine,
    FileRecoveryLine,
    PruneLine,
    RecoveryLine,
    Report,
    WatchdogLine,
)
from fleetsave.local.demonstration.scenes import dry_run, fire_prune, flip_a_bit, watch_first_proofs
from fleetsave.local.demonstration.stage import Stage, set_up
from fleetsave.local.demonstration.waiting import NotSeenError
from fleetsave.local.demonstration.watching import lose_an_event
from fleetsave.local.toolbox import PROJECT

_WIDTH = 150
"""Columns where nobody's terminal says how many there are."""


class Play:
    """The scenes in order, and what each of them showed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()
        self._started_at = datetime.now(UTC)
        self.backups: list[BackupLine] = []
        self.bit_flip: BitFlipLine | None = None
        self.prune: PruneLine | None = None
        self.dry_run: DryRunLine | None = None
        self.recoveries: list[RecoveryLine] = []
        self.dump: DumpLine | None = None
        self.central_recovery: CentralRecoveryLine | None = None
        self.archives: list[ArchiveLine] = []
        self.file_recovery: FileRecoveryLine | None = None
        self.watchdog: WatchdogLine | None = None

    def perform(self, stage: Stage) -> None:
        """Play all scenes. Raise NotSeenError at the first that fails."""
        self.scene("The schedule fires; every database is captured, stored, restored and compared")
        self.backups = watch_first_proofs(stage, self._console)
        self.scene("The central PostgreSQL: dumped from one snapshot, restored into a throwaway server, and dumped again")
        self.dump = show_proof(stage, self._console)
        self.scene("One bit of a stored object is flipped")
        self.bit_flip = flip_a_bit(stage, self._console)
        self.scene("Prune: one database is kept for 20 seconds only")
        self.prune = fire_prune(stage, self._console)
        self.scene("What prune would delete 31 days from now")
        self.dry_run = dry_run(stage, self._console)
        self.scene("A live database is ruined; one signed request recovers it, and another takes that back")
        self.recoveries = recover_and_undo(stage, self._console)
        self.scene("A table of the central PostgreSQL is dropped; one signed request brings it back")
        self.central_recovery = recover_dropped_table(stage, self._console)
        self.scene("A server over HTTPS: a folder of tens of thousands of files, and everything of it in one archive")
        self.archives = archive_everything(stage, self._console)
        self.scene("One of its files is deleted; one signed request brings it back")
        self.file_recovery = recover_deleted_file(stage, self._console)
        self.scene("An event is lost, and the fleet file loses a server; the watchdog looks")
        self.watchdog = lose_an_event(stage, self._console)
        if not all(game.is_running for game in stage.games.values()):
            raise NotSeenError("a game stopped playing meanwhile")

    def scene(self, title: str) -> None:
        """Say what comes next, and when."""
        self._console.print()
        self._console.rule(f"[bold]{time.monotonic() - self._started:5.0f} s  {title}", align="left")

    def report(self) -> Report:
        """Return what was seen; a scene that did not end counts as not seen."""
        observed = {
            "every_database_verified": bool(self.backups) and all(line.level >= 4 for line in self.backups),
            "flipped_bit_rejected_and_replaced": self.bit_flip is not None and bool(self.bit_flip.findings),
            "old_backups_pruned_newest_kept": self.prune is not None and self.prune.metadata_kept and bool(self.prune.deleted),
            "dry_run_explained": self.dry_run is not None and self.dry_run.would_delete > 0,
            "ruined_database_recovered_while_played": bool(self.recoveries) and _is_proven(self.recoveries[0]),
            "postgresql_dumped_under_load_and_proven": self.dump is not None and self.dump.level >= 4,
            "dropped_table_recovered": self.central_recovery is not None
            and self.central_recovery.status == "recovered"
            and self.central_recovery.written_on,
            "folder_and_whole_server_proven": len(self.archives) == 2 and all(line.level >= 4 for line in self.archives),
            "deleted_file_recovered": self.file_recovery is not None
            and self.file_recovery.status == "recovered"
            and self.file_recovery.written_on,
            "lost_event_mended_and_lost_server_told": self.watchdog is not None,
            "recovery_undone": len(self.recoveries) == 2 and _is_proven(self.recoveries[1]),
        }
        return Report(
            fleetsave_version=fleetsave.__version__,
            started_at=self._started_at,
            seconds=round(time.monotonic() - self._started, 1),
            machine=f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
            observed=observed,
            passed=all(observed.values()),
            backups=self.backups,
            bit_flip=self.bit_flip,
            prune=self.prune,
            dry_run=self.dry_run,
            recoveries=self.recoveries,
            dump=self.dump,
            central_recovery=self.central_recovery,
            archives=self.archives,
            file_recovery=self.file_recovery,
            watchdog=self.watchdog,
        )


def _is_proven(line: RecoveryLine) -> bool:
    return line.status == "recovered" and line.game_kept_playing and line.game_write_errors == 0 and bool(line.findings)


def main() -> int:
    """Return 0 if everything was seen, 1 if something was not, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(description="Back up real game servers with the deployed stack, and watch.")
    parser.add_argument("--keep", action="store_true", help="leave everything up at the end, until Ctrl-C")
    parser.add_argument("--report", type=Path, default=PROJECT / ".local" / "report.json")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
    play = Play(console)
    try:
        failure = _perform(play, console, keep=options.keep)
    except KeyboardInterrupt:
        console.print("\nInterrupted; everything is stopped.")
        return 130
    report = play.report()
    report.write(options.report)
    console.print(closing_table(report))
    console.print(f"Written to {options.report}" if failure is None else f"[bold red]{failure}")
    return 0 if report.passed and failure is None else 1


def _perform(play: Play, console: Console, *, keep: bool) -> str | None:
    directory = Path(tempfile.mkdtemp(prefix="fleetsave-run-"))
    with ExitStack() as cleanup:
        cleanup.callback(shutil.rmtree, directory, ignore_errors=True)
        play.scene("Setting up")
        stage = cleanup.enter_context(set_up(directory, console.print))
        try:
            play.perform(stage)
        except NotSeenError as error:
            console.print(stage.troubles())
            return str(error)
        if keep:
            console.print(stage.addresses(), "Ctrl-C stops everything.", sep="\n", soft_wrap=True)
            signal.pause()
    return None


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
