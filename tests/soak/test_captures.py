"""Captures of databases written at full speed are good, all of them; copies of the live files are not."""

import os
import random
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from fleetsave.local.game import check_game
from fleetsave.model.errors import RemoteFileError
from tests.fixtures.captures import Capturing
from tests.fixtures.game import RunningGame, running_game
from tests.soak.figures import record

RUNS = int(os.environ.get("FLEETSAVE_SOAK_RUNS", "100"))
MUTANTS = max(1, RUNS // 2)

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]


def at_some_moment(game: RunningGame, chance: random.Random) -> int:
    """Wait for a random number of further payments, and return how many were acknowledged then."""
    wanted = game.acknowledged + chance.randint(1, 60)
    game.process.wait_until(lambda: game.acknowledged >= wanted, timeout=60)
    return game.acknowledged


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
@pytest.mark.parametrize("way", ["frozen", "held"])
def test_every_capture_of_a_busy_database_is_good(
    capturing: Capturing, tmp_path: Path, small_disk: Path, journal_mode: str, way: str
) -> None:
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    server = capturing.server() if way == "frozen" else capturing.server(staging=str(small_disk))
    bad: list[list[str]] = []
    stalls: list[float] = []
    methods: set[str] = set()
    with running_game(tmp_path / "a game.db", journal_mode=journal_mode, world_megabytes=4) as game:
        for _ in range(RUNS):
            acknowledged = at_some_moment(game, chance)
            taken = capturing.take(game.path, server, checks={"money": "SELECT sum(balance) FROM accounts"})
            problems = check_game(taken.path, at_least=acknowledged)
            if problems:
                bad.append(problems)
            taken.path.unlink()
            stalls.append(taken.report.writer_stall_seconds)
            methods.add(taken.report.method)
        status = game.status
    record(
        "captures",
        seed=seed,
        journal_mode=journal_mode,
        method=sorted(methods),
        captures=RUNS,
        good=RUNS - len(bad),
        payments=status.acknowledged,
        longest_stall_seconds=round(max(stalls), 3),
        longest_write_seconds=round(status.longest_write_seconds, 3),
        failed_writes=status.busy_errors,
    )
    assert bad == []


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
@pytest.mark.parametrize("suffixes", [("",), ("", "-wal", "-journal")], ids=["alone", "with its journal"])
def test_plain_copies_of_a_busy_database_are_mostly_bad(
    capturing: Capturing, tmp_path: Path, journal_mode: str, suffixes: Sequence[str]
) -> None:
    """The mutants: what fleetsave never does. How many SQLite's own check accepts is the reason for fingerprints."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    good = silent = 0
    with running_game(tmp_path / "a game.db", journal_mode=journal_mode, world_megabytes=40) as game:
        for number in range(MUTANTS):
            acknowledged = at_some_moment(game, chance)
            folder = tmp_path / f"mutant {number}"
            folder.mkdir()
            for suffix in suffixes:
                copy_as_it_is(capturing, f"{game.path}{suffix}", folder / f"copy.db{suffix}")
            problems = check_game(folder / "copy.db", at_least=acknowledged)
            good += not problems
            silent += bool(problems) and not any("integrity_check" in p or "Error" in p for p in problems)
            shutil.rmtree(folder)
    record(
        "plain copies",
        seed=seed,
        journal_mode=journal_mode,
        files=[f".db{suffix}" for suffix in suffixes],
        copies=MUTANTS,
        good=good,
        bad=MUTANTS - good,
        bad_but_accepted_by_integrity_check=silent,
    )
    assert good < MUTANTS or MUTANTS < 50


def copy_as_it_is(capturing: Capturing, path: str, target: Path) -> None:
    """Read a live file as SFTP would; a journal may be there or not, and go while it is read."""
    with suppress(RemoteFileError):
        size = capturing.transport.stat(path).size
        target.write_bytes(b"".join(capturing.transport.read_file(path, offset=0, length=size)))
