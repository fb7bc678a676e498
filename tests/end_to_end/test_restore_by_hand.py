"""The commands kept in every record restore the backup with standard tools, and nothing of ours."""

import subprocess
from pathlib import Path

from fleetsave.local.game import check_game
from fleetsave.model.history import State
from fleetsave.model.keys import BackupKey
from fleetsave.model.kinds import Compression
from tests.end_to_end.deployment import Deployment, slot_of_minute


def test_the_recorded_commands_restore_a_whole_database(deployment: Deployment, tmp_path: Path) -> None:
    slot = slot_of_minute(60)
    key = BackupKey(deployment.artifacts[0], slot, Compression.ZSTD)
    deployment.fire(slot)
    deployment.wait_for_state(key, State.VERIFIED)
    fetch, *commands = deployment.catalog.stored(key).restore_by_hand
    bucket = deployment.stack.outputs["BucketName"]
    name = key.text.rpartition("/")[2]
    assert fetch.startswith("aws s3 cp")
    assert fetch.endswith(f"s3://{bucket}/{key.text} {name}")
    # What the aws command would fetch; it is a tool of its own, with an installation of its own.
    (tmp_path / name).write_bytes(deployment.store.get(key.text, limit=1 << 30))
    for command in commands:
        done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S602 - as a person would
        assert done.returncode == 0, f"{command}: {done.stderr}"
    assert done.stdout == "ok\n"
    assert check_game(tmp_path / name.removesuffix(".zst")) == []
