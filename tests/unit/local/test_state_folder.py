"""A state folder is held by one at a time, on the same ports."""

import os
import shutil
import socket
from pathlib import Path

import pytest

from fleetsave.local import state_folder
from fleetsave.local.state_folder import StateFolder


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    first = StateFolder(tmp_path)
    with pytest.raises(RuntimeError, match=f"already running in {tmp_path}: pid {os.getpid()}"):
        StateFolder(tmp_path)
    first.release(keep=False)
    StateFolder(tmp_path).release(keep=False)
    assert tmp_path.exists()


def test_a_temporary_folder_is_removed_unless_it_is_to_be_kept() -> None:
    removed, kept = StateFolder(None), StateFolder(None)
    removed.release(keep=False)
    kept.release(keep=True)
    assert not removed.path.exists()
    assert kept.logs.exists()
    shutil.rmtree(kept.path)


def test_ports_stay_the_same_with_the_state(tmp_path: Path) -> None:
    first = StateFolder(tmp_path)
    ports = first.ports(("emulator", "functions"))
    assert set(ports) == {"emulator", "functions"}
    first.release(keep=True)
    assert StateFolder(tmp_path).ports(("emulator", "functions")) == ports


def test_a_port_held_by_another_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_folder, "_PORT_WAIT_SECONDS", 0)
    folder = StateFolder(tmp_path)
    ports = folder.ports(("emulator",))
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports["emulator"]))
        other.listen()
        with pytest.raises(RuntimeError, match=f"port {ports['emulator']} is held by another program"):
            folder.ports(("emulator",))
