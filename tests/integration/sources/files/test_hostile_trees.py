"""A folder with all that folders may hold comes back as it was, by GNU tar and by Python; only root may give files away."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleetsave.local.sshd import SshServer
from fleetsave.model.archives import TreePart
from fleetsave.model.fleet import Server
from fleetsave.sources.over_ssh import SshSource
from fleetsave.transports.ssh import SshTransport
from tests.fixtures.archives import TakenArchive, order_of, take_archive, unpacked_by_python, unpacked_by_tar
from tests.fixtures.captures import NO_PYTHON
from tests.fixtures.trees import hostile_tree, snapshot_of


@pytest.fixture
def taken(source: SshSource, tmp_path: Path) -> TakenArchive:
    hostile_tree(tmp_path / "tree")
    return take_archive(source, order_of(TreePart("files/game", str(tmp_path / "tree"))), tmp_path / "archive.tar")


def test_gnu_tar_brings_back_every_entry_as_it_was(taken: TakenArchive, tmp_path: Path) -> None:
    assert taken.problems == {}
    before = snapshot_of(tmp_path / "tree")
    assert snapshot_of(unpacked_by_tar(taken.path, tmp_path / "unpacked") / "files" / "game") == before
    assert len(before) == len(taken.present)


def as_python_sees_it(snapshot: dict[bytes, dict[str, Any]]) -> dict[bytes, dict[str, Any]]:
    """Return a snapshot without what Python's tarfile does not restore: attributes, links' times, fractions it rounds."""
    return {
        path: {**known, "xattrs": {}, "mtime_ns": 0 if "target" in known else round(known["mtime_ns"] / 1e9, 3)}
        for path, known in snapshot.items()
    }


def test_python_brings_back_every_entry_too(taken: TakenArchive, tmp_path: Path) -> None:
    unpacked = unpacked_by_python(taken.path, tmp_path / "unpacked") / "files" / "game"
    assert as_python_sees_it(snapshot_of(unpacked)) == as_python_sees_it(snapshot_of(tmp_path / "tree"))


def test_the_manifest_tells_of_attributes_and_of_names_that_are_not_utf_8(taken: TakenArchive) -> None:
    assert f"files/game/names/{os.fsdecode(b'not utf-8 ' + bytes([0xFF, 0xFE]))}" in taken.entries
    attributed = [entry for entry in taken.entries.values() if entry.xattrs]
    assert all(entry.xattrs["user.a=b%c"] == "bGluZQphbmQAemVybw==" for entry in attributed)
    assert attributed


def as_sftp_sees_it(snapshot: dict[bytes, dict[str, Any]]) -> dict[bytes, dict[str, Any]]:
    """Return a snapshot without what the protocol does not tell: names, kinds, content, modes, owners and seconds stay."""
    unseen = {"xattrs": {}, "same_as": b"", "has_holes": False}
    return {
        path: {**known, **unseen, "mtime_ns": known["mtime_ns"] // 1_000_000_000 % (1 << 32)} for path, known in snapshot.items()
    }


def test_over_sftp_alone_everything_comes_back_that_sftp_tells_of(ssh_server: SshServer, tmp_path: Path) -> None:
    hostile_tree(tmp_path / "tree")
    settings = ssh_server.ssh_settings()
    transport = SshTransport(settings, ssh_server.private_key)
    source = SshSource(transport, Server(id="server_001", ssh=settings, python=NO_PYTHON))
    taken = take_archive(source, order_of(TreePart("files/game", str(tmp_path / "tree"))), tmp_path / "archive.tar")
    source.close()
    assert taken.report.method == "archive_over_sftp"
    assert taken.problems == {}
    unpacked = unpacked_by_tar(taken.path, tmp_path / "unpacked") / "files" / "game"
    assert as_sftp_sees_it(snapshot_of(unpacked)) == as_sftp_sees_it(snapshot_of(tmp_path / "tree"))


@pytest.fixture
def deep_tree(tmp_path: Path) -> Iterator[Path]:
    """Folders in folders, deeper than a path may be long, and than a function may call itself."""
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("a deeper folder", dir_fd=folder)
        below = os.open("a deeper folder", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    yield tmp_path / "a deeper folder"
    subprocess.run(["rm", "-rf", tmp_path / "a deeper folder"], check=True)  # which Python cannot, so deep


def test_a_tree_of_many_levels_is_walked_to_its_bottom(source: SshSource, deep_tree: Path, tmp_path: Path) -> None:
    part = TreePart("files/game", str(deep_tree))
    taken = take_archive(source, order_of(part), tmp_path / "archive.tar")
    assert (taken.report.directories, taken.problems) == (1500, {})
