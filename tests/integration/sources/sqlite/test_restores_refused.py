"""What a restore is refused for over sshd, by name, before anything is touched."""

import os
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.local.game import create
from fleetsave.model.errors import RestoreError
from fleetsave.model.recovery_records import SwapMethod
from fleetsave.transports.ssh import SshTransport
from tests.fixtures.captures import NO_PYTHON
from tests.fixtures.restores import Backup, Restoring, left_beside, refusal
from tests.fixtures.servers import SftpOnlyServer


def test_an_account_that_is_neither_root_nor_the_owner_is_refused(
    restoring: Restoring, backup: Backup, open_folder: Path, unprivileged_python: Path
) -> None:
    live = open_folder / "a.db"
    create(live, "wal")
    server = restoring.server(python=str(unprivileged_python))
    refused = refusal(restoring.restorer(backup, live, server=server))
    assert refused.reason == "no_permission"
    assert "recovery.user" in refused.hint
    os.chown(live, 65534, 65534)
    refused = refusal(restoring.restorer(backup, live, server=server))
    assert (refused.reason, "may not write" in refused.cause) == ("no_permission", True)
    os.chown(open_folder, 65534, 65534)
    restorer = restoring.delivered(backup, live, server=server)
    restorer.swap(SwapMethod.IN_PLACE)
    restorer.clean_up()
    assert left_beside(live) == []


def test_a_new_file_is_made_nowhere_but_in_the_allowed_folders(restoring: Restoring, backup: Backup, tmp_path: Path) -> None:
    (tmp_path / "allowed").mkdir()
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (tmp_path / "allowed-not").mkdir()
    (tmp_path / "allowed" / "way out").symlink_to(tmp_path / "elsewhere")
    folders = [tmp_path / "allowed"]
    for path in ("allowed/way out/a.db", "allowed/way out/deep/a.db", "elsewhere/a.db", "allowed-not/a.db"):
        assert refusal(restoring.restorer(backup, tmp_path / path, folders=folders)).reason == "outside_folders"
    assert refusal(restoring.restorer(backup, tmp_path / "allowed/no/a.db", folders=folders)).reason == "missing_folder"
    assert list((tmp_path / "elsewhere").iterdir()) == [tmp_path / "elsewhere" / "deep"]
    assert restoring.restorer(backup, tmp_path / "allowed" / "a.db", folders=folders).survey().size == 0


@pytest.mark.parametrize("what", ["a database", "a folder", "a link", "a link to nowhere"])
def test_a_new_file_never_comes_over_anything(restoring: Restoring, backup: Backup, tmp_path: Path, what: str) -> None:
    path = tmp_path / "a.db"
    if what == "a database":
        create(path, "wal")
    elif what == "a folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / ("nowhere" if what == "a link to nowhere" else "."))
    before = path.lstat()
    restorer = restoring.delivered(backup, path, folders=[tmp_path])
    assert refusal(restorer).reason == "target_exists"
    assert refusal(restorer, SwapMethod.PLACE).reason == "target_exists"
    assert refusal(restorer, SwapMethod.SET_ASIDE).reason == "target_exists"
    restorer.clean_up()
    assert path.lstat().st_ino == before.st_ino
    assert left_beside(path) == []


def test_a_folder_in_the_way_of_a_database_is_refused(restoring: Restoring, backup: Backup, tmp_path: Path) -> None:
    (tmp_path / "a.db").mkdir()
    assert refusal(restoring.restorer(backup, tmp_path / "a.db")).reason == "not_a_file"


def test_a_server_without_a_fit_python_is_refused_with_the_way_by_hand(
    restoring: Restoring, backup: Backup, tmp_path: Path
) -> None:
    create(tmp_path / "a.db", "wal")
    for python in (NO_PYTHON, *filter(None, [_python_3_6()])):
        refused = refusal(restoring.restorer(backup, tmp_path / "a.db", server=restoring.server(python=python)))
        assert refused.reason == "no_tools"
        assert "by hand" in refused.hint


def _python_3_6() -> str | None:
    """Return a Python that has no `backup`, if this machine has one."""
    found = sorted(Path.home().glob(".pyenv/versions/3.6*/bin/python"))
    return str(found[0]) if found else None


def test_the_oldest_and_the_newest_python_restore(restoring: Restoring, backup: Backup, tmp_path: Path) -> None:
    versions = Path.home() / ".pyenv" / "versions"
    found = [*sorted(versions.glob("3.7*/bin/python")), *sorted(versions.glob("3.13*/bin/python"))]
    for number, python in enumerate(found or [Path("/usr/bin/python3")]):
        path = tmp_path / f"{number}.db"
        create(path, "wal")
        restorer = restoring.delivered(backup, path, server=restoring.server(python=str(python)))
        restorer.survey()
        assert restorer.swap(SwapMethod.IN_PLACE).fingerprint == backup.fingerprint
        restorer.roll_back()
        restorer.clean_up()


def test_sftp_alone_is_refused(sftp_only_server: SftpOnlyServer, backup: Backup) -> None:
    ssh = sftp_only_server.server
    with closing(SshTransport(ssh.ssh_settings(), ssh.private_key)) as transport:
        restoring = Restoring(transport, ssh)
        assert refusal(restoring.restorer(backup, "/a.db")).reason == "sftp_only"


def test_a_server_that_answers_nonsense_is_refused(restoring: Restoring, backup: Backup, tmp_path: Path) -> None:
    python = tmp_path / "python3"
    for command in ("echo hello", """echo '{"fleetsave": 1, "ok": {}}'""", """echo '{"fleetsave": 1, "ok": 7}'"""):
        python.write_text(f"#!/bin/sh\n{command}\n")
        python.chmod(0o755)
        restorer = restoring.restorer(backup, tmp_path / "a.db", server=restoring.server(python=str(python)))
        for ask in (restorer.survey, restorer.received, restorer.check, restorer.verify, restorer.roll_back):
            with pytest.raises(RestoreError) as refused:
                ask()
            assert (refused.value.reason, refused.value.retryable) == ("bad_reply", True)


def test_a_read_only_disk_is_refused(restoring: Restoring, backup: Backup, small_disk: Path) -> None:
    create(small_disk / "a.db", "delete")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert refusal(restoring.restorer(backup, small_disk / "a.db")).reason == "no_permission"
