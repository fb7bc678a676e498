"""Fault 30: restores whose programs or connection are killed at any moment: old or new, never mixed, what was there is kept."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from fleetsave.local.game import check_game
from fleetsave.local.sshd import SshServer
from fleetsave.model.fleet import Server
from fleetsave.sources.over_ssh import SshSource
from fleetsave.transports.ssh import SshTransport
from tests.faults.scoring import FINISHES, scored
from tests.fixtures.copies import TreeRestoring
from tests.fixtures.game import running_game
from tests.fixtures.killed_trees import killed_trees
from tests.fixtures.restores import Backup, KilledAgents, Restoring

pytestmark = FINISHES


@pytest.fixture
def source(ssh_server: SshServer, tmp_path: Path) -> Iterator[SshSource]:
    settings = ssh_server.ssh_settings()
    server = Server(id="server_001", ssh=settings, staging=str(tmp_path / "staging"))
    with closing(SshSource(SshTransport(settings, ssh_server.private_key), server)) as opened:
        yield opened


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_a_database_beside_a_running_game(restoring: Restoring, tmp_path: Path, journal_mode: str) -> None:
    with scored(30, f"a database in {journal_mode} mode, each trial one kill -9", share=4) as tally:
        with running_game(tmp_path / "a.db", journal_mode=journal_mode, rate=100, world_megabytes=1) as game:
            killed = KilledAgents(restoring, Backup(game.path, tmp_path / "backup.db"), game.path, tally.chance)
            for number in tally.each():
                while killed.kills <= number:
                    killed.restore_once()
        for mixed in killed.mixed + check_game(game.path):
            tally.accepted(mixed)
        for problem in killed.lost + killed.others:
            tally.lose(problem)
        tally.seen |= {"restores brought to their end": killed.restores, "rolled back": killed.roll_backs}


@pytest.mark.parametrize("is_chosen", [False, True], ids=["whole", "chosen"])
def test_a_folder(source: SshSource, tree_restoring: TreeRestoring, tmp_path: Path, is_chosen: bool) -> None:
    variant = f"{'some paths of a folder' if is_chosen else 'a whole folder'}, each trial one kill -9"
    with scored(30, variant, share=4) as tally:
        killed = killed_trees(source, tree_restoring, tmp_path, tally.chance, is_chosen=is_chosen)
        for number in tally.each():
            while killed.kills <= number:
                killed.restore_once()
        for problem in killed.problems:
            tally.accepted(problem)
        tally.seen |= {"restores brought to their end": killed.restores, "rolled back": killed.roll_backs}


def test_a_mixed_database_is_found_out(restoring: Restoring, tmp_path: Path) -> None:
    with running_game(tmp_path / "a.db", rate=20, world_megabytes=1) as game:
        backup = Backup(game.path, tmp_path / "backup.db")
        killed = KilledAgents(restoring, backup, game.path, Random(7))
    with closing(sqlite3.connect(game.path)) as database:
        database.execute("UPDATE accounts SET balance = balance + 1 WHERE id = (SELECT min(id) FROM accounts)")
        database.commit()
    killed._look("swap")
    assert killed.mixed
