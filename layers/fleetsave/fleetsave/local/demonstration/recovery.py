"""The last scene: a live database is ruined while its game writes, recovered by one signed request, and the recovery undone."""

import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from fleetsave.local.demonstration.report import RecoveryLine
from fleetsave.local.demonstration.stage import Stage
from fleetsave.local.demonstration.waiting import NotSeenError, wait_for
from fleetsave.local.game import check_game
from fleetsave.local.game_servers import Game
from fleetsave.local.mischief import damage
from fleetsave.model.history import State
from fleetsave.model.keys import ArtifactId
from fleetsave.model.kinds import Kind

RUINED = ArtifactId("server_001", Kind.DATABASE, "database")
_PATIENCE = 240.0


def recover_and_undo(stage: Stage, console: Console) -> list[RecoveryLine]:
    """Ruin a live database, recover it, and undo that; return what was seen of both recoveries."""
    game = stage.games[RUINED]
    backup = stage.newest(RUINED, State.VERIFIED)
    assert backup is not None  # noqa: S101 - watch_first_proofs has seen one
    console.print(f"[bold red]ruined[/] {RUINED} while its game writes: {damage(game.path)}")
    problems = _problems(game)
    if not problems:
        raise NotSeenError("a ruined database that shows it")
    console.print(f"  its game's books no longer balance: {problems[0]}")
    body = {"server_id": RUINED.server_id, "backup_key": backup.key.text.removesuffix(".zst"), "backup_type": "database"}
    console.print(f"POST /backup/recover  {body}", soft_wrap=True)
    recovered = _follow(stage, console, game, stage.api.recover(body).document)
    if _problems(game):
        raise NotSeenError(f"a database that is whole after its recovery: {_problems(game)}")
    console.print("[green]recovered[/]: the books balance again, and the game has played on the whole time")
    console.print(f"POST /backup/recover/{recovered.id}/undo")
    undone = _follow(stage, console, game, stage.api.undo(recovered.id).document)
    if not _problems(game):
        raise NotSeenError("what was there before the recovery, brought back")
    console.print("[green]undone[/]: what was there before is there again, as ruined as it was")
    return [recovered, undone]


def _follow(stage: Stage, console: Console, game: Game, asked: dict[str, Any]) -> RecoveryLine:
    """Follow a recovery to its proof. Raise NotSeenError if it ends in any other way."""
    started, busy = time.monotonic(), game.status().busy_errors
    columns = (TextColumn("  {task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(str(asked["id"]), total=asked["progress"]["steps"])
        shown = 0

        def is_finished() -> bool:
            nonlocal asked, shown
            asked = stage.api.get(asked["id"]).document
            for step in asked["steps"][shown:]:
                bar.console.print(f"  {step['at'][11:19]}  [cyan]{step['state']:<10}[/] {step['detail']}", soft_wrap=True)
            shown = len(asked["steps"])
            bar.update(task, completed=_done(asked["progress"]), description=f"{asked['id']}  {asked['status']}")
            return bool(asked["is_finished"])

        wait_for(f"the end of recovery {asked['id']}", is_finished, patience=_PATIENCE)
    if asked["status"] != "recovered":
        raise NotSeenError(f"recovery {asked['id']} ends with its proof: it is {asked['status']}: {asked['problem']}")
    for finding in asked["proof"]["findings"]:
        console.print(f"  [green]{finding['outcome']}[/] {finding['check']}: {finding['detail']}", soft_wrap=True)
    return _line(asked, time.monotonic() - started, game, busy)


def _done(progress: dict[str, Any]) -> float:
    """Return how many steps are done, with a part of one for the bytes of an upload."""
    part = progress["done"] / progress["total"] if progress["total"] else 0
    return float(progress["step"]) + part


def _line(ended: dict[str, Any], seconds: float, game: Game, busy: int) -> RecoveryLine:
    swap, status = ended["proof"]["swap"], game.status()
    return RecoveryLine(
        id=ended["id"],
        undo_of=ended["undo_of"],
        server=ended["target"]["server_id"],
        target_path=ended["target"]["path"],
        backup_key=ended["backup_key"],
        safety_backup_key=ended["safety_backup"]["backup_key"],
        status=ended["status"],
        method=swap["method"],
        seconds=round(seconds, 2),
        swap_seconds=swap["seconds"],
        findings=[f"{one['check']}: {one['outcome']}" for one in ended["proof"]["findings"]],
        game_kept_playing=game.is_running,
        game_write_errors=status.busy_errors - busy,
        writer_longest_wait_seconds=status.longest_write_seconds,
    )


def _problems(game: Game) -> list[str]:
    """Return what is wrong with a live game's books, by a consistent copy of them."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.db"
        with closing(sqlite3.connect(game.path, timeout=30)) as live, closing(sqlite3.connect(copy)) as kept:
            live.backup(kept)
        return check_game(copy)
