"""Whoever has the key for restores can restore what is listed, step by step, and run the listed commands; nothing else."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.local.game import check_game, create
from fleetsave.model.archives import TreePart
from fleetsave.model.errors import RestoreError
from fleetsave.model.records import Outcome
from fleetsave.model.recovery_records import SwapMethod
from fleetsave.recover import hooks
from fleetsave.sources.over_ssh import SshSource
from fleetsave.transports.process import killable_line
from fleetsave.transports.ssh import SshTransport
from tests.fixtures.archives import order_of, take_archive
from tests.fixtures.copies import TreeRestoring, copy_of, deliver_tree
from tests.fixtures.gated import GatedServer, gated_server
from tests.fixtures.restores import MONEY, Backup, Restoring, deliver
from tests.fixtures.trees import hostile_tree, snapshot_of
from tests.integration.security.asking import ask, capture, reason

STOP = "printf stopped > {game}/stopped"
HANG = "printf begun > {game}/begun; exec sleep 300"
READ = "cat > {game}/read"


@pytest.fixture(scope="module")
def gated() -> Iterator[GatedServer]:
    with gated_server(mode="restore", as_root=True) as server:
        (server.game / "new").mkdir()
        server.configure(
            databases=[
                {"path": str(server.game / "game.db"), "checks": MONEY, "restore": True},
                {"path": str(server.game / "kept.db"), "checks": MONEY},
            ],
            folders=[
                {"path": str(server.game / "world"), "restore": True, "links_out": True},
                {"path": str(server.game / "logs")},
            ],
            restores={
                "new_in": [str(server.game / "new")],
                "commands": [one.format(game=server.game) for one in (STOP, HANG, READ)],
            },
        )
        yield server


@pytest.fixture
def transport(gated: GatedServer) -> Iterator[SshTransport]:
    with closing(gated.transport()) as opened:
        yield opened


def test_a_listed_database_is_restored_and_rolled_back(gated: GatedServer, transport: SshTransport, backup: Backup) -> None:
    live = gated.game / "game.db"
    create(live, "wal")
    before = live.read_bytes()
    restorer = Restoring(transport, gated.ssh).restorer(backup, live)
    restorer.survey()
    deliver(restorer, backup)
    restorer.swap(SwapMethod.IN_PLACE)
    assert {finding.outcome for finding in restorer.verify()} == {Outcome.PASSED}
    assert check_game(live) == []
    restorer.roll_back()
    restorer.clean_up()
    assert live.read_bytes()[100:] == before[100:]


def test_a_new_database_is_made_in_a_listed_folder_alone(gated: GatedServer, transport: SshTransport, backup: Backup) -> None:
    restoring = Restoring(transport, gated.ssh)
    made = restoring.restorer(backup, gated.game / "new" / "a.db", folders=[gated.outside])
    deliver(made, backup)
    made.swap(SwapMethod.PLACE)
    assert check_game(gated.game / "new" / "a.db") == []
    (gated.game / "new" / "out").symlink_to(gated.outside)
    for path in (gated.outside / "a.db", gated.game / "new" / "out" / "a.db", gated.game / "new" / ".." / "a.db"):
        with pytest.raises(RestoreError) as refused:
            restoring.restorer(backup, path, folders=[gated.outside]).survey()
        assert refused.value.reason in ("outside_folders", "not_served")
    assert list(gated.outside.iterdir()) == []


def test_what_is_not_listed_is_not_restored(gated: GatedServer, transport: SshTransport, backup: Backup) -> None:
    (gated.game / "link.db").symlink_to(gated.game / "kept.db")
    for name in ("kept.db", "link.db", "new/../kept.db", ".ssh/authorized_keys"):
        with pytest.raises(RestoreError) as refused:
            Restoring(transport, gated.ssh).restorer(backup, gated.game / name).survey()
        assert refused.value.reason == "not_served"
        assert "server-account.md" in refused.value.hint


def test_a_listed_folder_is_restored(gated: GatedServer, transport: SshTransport, ssh_source: SshSource, tmp_path: Path) -> None:
    hostile_tree(tmp_path / "tree", files=60)
    copy = copy_of(take_archive(ssh_source, order_of(TreePart("files/game", str(tmp_path / "tree"))), tmp_path / "archive.tar"))
    (gated.game / "world").mkdir()
    restorer = TreeRestoring(transport, gated.server()).restorer(copy, gated.game / "world")
    restorer.survey()
    deliver_tree(restorer, copy)
    restorer.swap(SwapMethod.SET_ASIDE)
    assert snapshot_of(gated.game / "world") == snapshot_of(tmp_path / "tree")
    (gated.game / "logs").mkdir()
    with pytest.raises(RestoreError) as refused:
        TreeRestoring(transport, gated.server()).restorer(copy, gated.game / "logs").survey()
    assert refused.value.reason == "not_served"


@pytest.fixture
def ssh_source(restoring: Restoring) -> SshSource:
    """A source on another server, without a gate, to have something to restore."""
    assert isinstance(restoring.transport, SshTransport)
    return SshSource(restoring.transport, restoring.server())


def test_listed_commands_are_run_and_no_others(gated: GatedServer, transport: SshTransport) -> None:
    command = STOP.format(game=gated.game)
    assert hooks.run(transport, gated.server(), "before", command) == "the before command ended with status 0"
    assert (gated.game / "stopped").read_text() == "stopped"
    for other in (f"{command}; id", "id", command.replace("stopped >", "other >"), ""):
        with pytest.raises(RestoreError) as refused:
            hooks.run(transport, gated.server(), "before", other)
        assert refused.value.reason == "hook_failed"
        assert "may not run that command" in refused.value.cause
    assert (gated.game / "stopped").read_text() == "stopped"


def test_a_listed_command_that_hangs_is_ended(gated: GatedServer, transport: SshTransport) -> None:
    server = gated.server(recovery={"hook_timeout": "2s"})
    with pytest.raises(RestoreError) as refused:
        hooks.run(transport, server, "before", HANG.format(game=gated.game))
    assert refused.value.reason == "hook_timed_out"
    assert (gated.game / "begun").exists()
    gated.await_idleness()


def test_a_listed_command_gets_nothing_of_the_client_s(gated: GatedServer) -> None:
    line = killable_line(["sh", "-c", READ.format(game=gated.game)]).decode()
    assert gated.client(line, stdin=b"id\n").status == 0
    assert (gated.game / "read").read_bytes() == b""


def test_it_reads_nothing(gated: GatedServer) -> None:
    for operation in ("snapshot", "hold", "pair", "find", "drop", "sweep", "archive", "probe"):
        assert reason(ask(gated, capture(gated.game / "game.db", operation=operation))) == "not_served"
    assert gated.client(f"dd if={gated.game}/game.db bs=131072 skip=0 count=9").status == 1
    assert gated.client(f"{gated.account}@127.0.0.1", program="sftp", options=["-b", "-"], stdin=b"ls /").status != 0
    assert gated.client("id").status == 1


def test_without_the_line_the_same_key_would_have_a_shell(gated: GatedServer) -> None:
    keys = gated.base / "sshd" / "authorized_keys"
    line = keys.read_text()
    keys.write_text(line[line.index("ssh-ed25519") :])
    try:
        assert gated.client("id", is_alone=True).output == subprocess.run(["id"], check=True, capture_output=True).stdout
    finally:
        keys.write_text(line)
