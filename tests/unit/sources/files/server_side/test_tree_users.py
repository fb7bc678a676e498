"""Whose open files matter: these very ones, else what patterns match, else all."""

import os
from pathlib import Path

import pytest

from fleetsave.sources.files.server_side.tree_users import WantedPaths, users_of_tree


@pytest.mark.parametrize(
    ("files", "patterns", "path", "has"),
    [
        ([], [], b"anything/at all", True),
        (["a/b"], ["a"], b"a/b", True),
        (["a/b"], ["a"], b"a/c", False),
        ([], ["a"], b"a/c/d", True),
        ([], ["*.mca"], b"x.mca", True),
        ([], ["*.mca"], b"deep/x.mca", False),
        ([], ["**/*.mca"], b"deep/x.mca", True),
    ],
)
def test_a_path_is_meant(files: list[str], patterns: list[str], path: bytes, has: bool) -> None:
    assert WantedPaths(files, patterns).has(path) is has


def test_our_own_open_files_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with (tmp_path / "a").open():
        users = users_of_tree(bytes(tmp_path), WantedPaths([], []))
    assert [one for one in users if str(os.getpid()) in one] == []
