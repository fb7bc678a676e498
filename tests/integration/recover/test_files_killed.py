"""Recover of a folder, or its server's sessions, killed at any moment: the folder is the old or the new one, never a mixture."""

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest

from fleetsave.catalog.fleet_file import write_fleet
from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId, BackupKey
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.recovery_records import RecoveryRequest, RecoveryState
from fleetsave.model.slots import Slot
from tests.fixtures.recover_process import CollectNow, clock, services_of
from tests.fixtures.recovering import SERVER, Recovering
from tests.fixtures.trees import snapshot_of

FILES = ArtifactId(SERVER, Kind.FILES, "files")
ENDED_WELL = (RecoveryState.RECOVERED, RecoveryState.ROLLED_BACK, RecoveryState.FAILED)


class World:
    """A folder with an old state in a backup, and another one where it lives."""

    def __init__(self, recovering: Recovering) -> None:
        self.recovering, self.root = recovering, recovering.folder / "home" / "world"
        self.write("old")
        self.old = snapshot_of(self.root)
        ssh = recovering.ssh.ssh_settings().model_dump(include={"host", "port", "user", "host_keys", "key_secret"})
        server = {"id": SERVER, "ssh": ssh, "staging": str(recovering.folder / "staging"), "files": [{"path": str(self.root)}]}
        write_fleet(recovering.store, json.dumps({"servers": [server]}))
        slot = Slot(clock().replace(microsecond=0))
        CollectNow(services_of(recovering.config("none.000001"))).send([Job(FILES, slot)])
        self.key = BackupKey(FILES, slot, Compression.ZSTD)

    def write(self, word: str) -> None:
        for number in range(200):
            path = self.root / f"region-{number % 5}" / f"{word}-{number}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{word} {number}" * 500)

    def begin(self) -> Any:
        request = RecoveryRequest(SERVER, Kind.FILES, SERVER, "somebody", "0" * 64, backup_key=self.key.text)
        return self.recovering.recoveries.begin(request, clock()).recovery


@pytest.fixture(scope="module")
def world(recovering: Recovering) -> World:
    return World(recovering)


@pytest.mark.parametrize("killed", ["worker", "sshd", "python"])
def test_killed_at_any_moment_the_folder_is_never_a_mixture(world: World, killed: str) -> None:
    chance = random.Random(killed)
    for number in range(2):
        world.write(f"since-{killed}-{number}")
        live = snapshot_of(world.root)
        recovery = world.begin()
        running = world.recovering.start(recovery)
        time.sleep(chance.uniform(0.5, 4))  # the moment to be tested, not a wait for anything
        running.kill() if killed == "worker" else world.recovering.ssh.kill_commands(killed)
        running.process.join(120)
        ended = world.recovering.run_to_the_end(recovery)
        assert any(ended.has(state) for state in ENDED_WELL), ended.records[-1]
        now = snapshot_of(world.root)
        assert now == (world.old if ended.has(RecoveryState.RECOVERED) else live)
        assert _kept(world.root) == ([live] if ended.has(RecoveryState.RECOVERED) else [])


def _kept(root: Path) -> list[dict[bytes, dict[str, Any]]]:
    """Return what recoveries have kept beside the folder, and forget it."""
    found = []
    for place in root.parent.glob(".fleetsave-*"):
        assert [path.name for path in place.iterdir()] == ["aside"]
        found.append(snapshot_of(place / "aside" / root.name))
        place.rename(root.parent.parent / place.name)
    return found
