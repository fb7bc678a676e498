"""A member's header says what its entry says, or every difference is named."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fleetsave.archives.reading import Member, read_members
from fleetsave.checks import archive_member
from fleetsave.model.manifests import Entry, EntryType
from tests.fixtures.archive_pieces import Piece, directory, file, game_folder, hardlink, symlink
from tests.fixtures.hostile.altering import told_of
from tests.fixtures.stored_archives import END


def member_of(piece: Piece) -> Member:
    return next(read_members(iter([piece.raw + END]), "archive"))


def placed(piece: Piece) -> Entry:
    return replace(told_of(piece), span=len(piece.raw))


def faults(piece: Piece, **values: Any) -> Iterator[str]:
    return archive_member.faults(member_of(piece), replace(placed(piece), **values))


@pytest.mark.parametrize("piece", game_folder(), ids=lambda piece: repr(piece.entry.path[:30]))
def test_every_kind_of_member_is_what_its_entry_says(piece: Piece) -> None:
    assert list(faults(piece)) == []


FILE = file("files/f/x", b"abc", mode=0o640, uid=7, gid=8, user="u", group="g", xattrs={"user.a": "eA=="})


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"size": 4}, "has size 3, the manifest says 4"),
        ({"mode": 0o4640}, "has mode '0o640', the manifest says '0o4640'"),
        ({"uid": 0}, "has user id 7, the manifest says 0"),
        ({"gid": 0}, "has group id 8, the manifest says 0"),
        ({"user": "root"}, "has user 'u', the manifest says 'root'"),
        ({"group": "root"}, "has group 'g', the manifest says 'root'"),
        ({"mtime_ns": 5}, "has time in nanoseconds 1700000000123456789, the manifest says 5"),
        ({"target": "x"}, "has target '', the manifest says 'x'"),
        ({"offset": 512}, "has offset 0, the manifest says 512"),
        ({"span": 512}, "has span 2048, the manifest says 512"),
        ({"sparse": True}, "has sparseness False, the manifest says True"),
        ({"xattrs": {}}, "has attributes {'user.a': 'eA=='}, the manifest says {}"),
        ({"type": EntryType.DIRECTORY}, "is a file, the manifest says directory"),
    ],
)
def test_what_differs_is_named_with_both_values(values: dict[str, Any], says: str) -> None:
    assert list(faults(FILE, **values)) == [says]


def test_all_that_differs_is_named() -> None:
    assert len(list(faults(FILE, uid=0, gid=0, mode=0))) == 3


@pytest.mark.parametrize("piece", [directory("files/f"), symlink("files/f/x", "y"), hardlink("files/f/x", "files/f/y")])
def test_only_a_file_can_be_a_database(piece: Piece) -> None:
    assert list(faults(piece, sqlite={})) == ["is a database by the manifest, and no file"]


def test_the_size_that_a_manifest_gives_to_a_link_is_not_asked_of_its_header() -> None:
    assert list(faults(hardlink("files/f/x", "files/f/y"), size=9_000)) == []
