import os
import subprocess
import time
from pathlib import Path

import pytest

from fleetsave.local.processes import accepts_connections
from fleetsave.local.sshd import SshServer


def test_a_second_server_in_the_folder_has_the_same_keys(tmp_path: Path) -> None:
    with SshServer(tmp_path / "with space") as first:
        assert accepts_connections(first.port)
    assert not accepts_connections(first.port)
    with SshServer(tmp_path / "with space", port=first.port) as second:
        assert (second.host_key_line, second.private_key) == (first.host_key_line, first.private_key)
    assert second.ssh_settings("name").host_keys == [first.host_key_line]


def is_running(pid: int) -> bool:
    """Tell whether a process still does anything; one that only waits to be buried does not."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_no_session_outlives_the_server(tmp_path: Path, way: str) -> None:
    with SshServer(tmp_path) as server:
        options = ["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={tmp_path}/known"]
        login = ["-i", str(tmp_path / "client_key"), "-p", str(server.port), f"{server.user}@127.0.0.1"]
        with subprocess.Popen(["ssh", *options, *login, "echo $$; exec sleep 60"], stdout=-1, stderr=-1) as client:
            assert client.stdout is not None
            pid = int(client.stdout.readline())
            os.kill(pid, 0)
            getattr(server, way)()
            assert client.wait(5) == 255
        deadline = time.monotonic() + 5
        while is_running(pid):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        server.stop()


def test_a_machine_without_sshd_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(RuntimeError, match="apt-get install openssh-server"):
        SshServer(tmp_path)


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="NoSuchOption"):
        SshServer(tmp_path, configuration=["NoSuchOption yes"])
