"""Folders are gone down into name by name, and never through a link."""

import os
from pathlib import Path

import pytest

from fleetsave.sources.files.server_side.tree_folders import FolderChain, remove_tree


def test_it_goes_from_one_folder_to_another(tmp_path: Path) -> None:
    for path in ("a/b/c", "a/d"):
        (tmp_path / path).mkdir(parents=True)
    with FolderChain(bytes(tmp_path)) as chain:
        for path in ("a/b/c", "a/d", "a", "a/b", "a/b/c"):
            found = os.fstat(chain.folder(path.encode().split(b"/")))
            assert os.path.samestat(found, (tmp_path / path).stat())
        assert os.path.samestat(os.fstat(chain.folder([])), tmp_path.stat())


def test_it_keeps_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with FolderChain(bytes(tmp_path)) as chain:
        chain.folder([b"a", b"b"])
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_it_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root/link").symlink_to("../outside")
    with FolderChain(bytes(tmp_path / "root")) as chain:
        with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
            chain.folder([b"link"])
        with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
            chain.make(b"link/made")
        with pytest.raises(OSError, match="exists"):
            chain.make(b"link")
    assert list((tmp_path / "outside").iterdir()) == []


def test_it_tells_what_stands_at_a_path_and_what_it_made(tmp_path: Path) -> None:
    with FolderChain(bytes(tmp_path)) as chain:
        assert chain.status(b"a/b") is None
        assert chain.make(b"a")
        assert not chain.make(b"a")
        status = chain.status(b"a")
    assert status is not None
    assert os.path.samestat(status, (tmp_path / "a").stat())


def test_a_tree_is_removed_and_nothing_that_its_links_lead_to(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "gone/a").mkdir(parents=True)
    (tmp_path / "gone/a/link").symlink_to("../../kept")
    (tmp_path / "gone/folder link").symlink_to("..")
    (tmp_path / "gone/a").chmod(0o000)
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        remove_tree(folder, b"gone")
    finally:
        os.close(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
