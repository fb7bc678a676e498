"""The copy that is sent is a tar of its own: first the list, then the chosen members as they stand in the archive."""

import hashlib
import io
import json
import tarfile

import pytest

from fleetsave.model.manifests import read_entries
from fleetsave.planning.archive_choice import ArchiveChoice
from fleetsave.planning.archive_copy import EXPECTED_MEMBER, CopyFacts, Stretch, copy_facts, copy_pieces, leads_out
from tests.fixtures.archive_pieces import directory, file, game_folder, symlink
from tests.fixtures.stored_archives import TakenArchive, assemble

TAKEN = assemble(game_folder())


def choice(*paths: str, taken: TakenArchive = TAKEN) -> ArchiveChoice:
    return ArchiveChoice(lambda: read_entries(taken.manifest.splitlines(keepends=True), "m"), "files/files", paths)


def copy_of(*paths: str, taken: TakenArchive = TAKEN) -> tuple[bytes, CopyFacts]:
    facts = copy_facts(choice(*paths, taken=taken))
    made = b""
    for piece in copy_pieces(choice(*paths, taken=taken), facts.expected_size):
        made += piece if isinstance(piece, bytes) else b"".join(taken.plain[begin:end] for begin, end in piece.pieces)
    return made, facts


@pytest.mark.parametrize("paths", [(), ("world/level.dat",), ("config.yml", "world/region.mca"), ("world/also",)])
def test_its_size_and_its_list_are_known_before_it_is_made(paths: tuple[str, ...]) -> None:
    made, facts = copy_of(*paths)
    assert len(made) == facts.size
    with tarfile.open(fileobj=io.BytesIO(made), errors="surrogateescape", encoding="utf-8") as archive:
        first, *members = archive.getmembers()
        listed = archive.extractfile(first)
        assert listed is not None
        text = listed.read()
    assert (first.name, len(text)) == (EXPECTED_MEMBER, facts.expected_size)
    assert hashlib.sha256(text).hexdigest() == facts.sha256
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) == facts.entries
    assert [line["member"] for line in lines if not line.get("way")] == [member.name for member in members]


def test_the_list_tells_all_that_a_file_must_be_and_nothing_of_the_archive() -> None:
    made, facts = copy_of("name-*")
    line = json.loads(made[512 : 512 + facts.expected_size].splitlines()[-1])
    assert line["path"] == "name-\udcff-ü"
    assert line["member"] == "files/files/name-\udcff-ü"
    assert {"type", "size", "sha256", "mtime_ns", "xattrs"} <= line.keys()
    assert not line.keys() & {"offset", "span", "sqlite", "problem"}


def test_content_is_counted_as_it_will_be_on_the_disk() -> None:
    assert copy_of("world/region.mca")[1].content_size == 3 << 20


def test_links_that_lead_out_are_named() -> None:
    pieces = [directory("files/files"), symlink("files/files/in", "a/../b"), symlink("files/files/out", "/etc/passwd")]
    assert copy_of(taken=assemble(pieces))[1].links_out == ["out -> /etc/passwd"]


@pytest.mark.parametrize(
    ("path", "target", "expected"),
    [
        ("a", "b", False), ("a", "..", True), ("a", "/x", True), ("d/a", "../b", False), ("d/a", "../../b", True),
        ("d/a", "x/../../b", False), ("d/a", "x/../../../b", True), ("a", ".", False), ("a", "", False),
        ("d/e/a", "../..", False),
    ],
)  # fmt: skip
def test_where_a_link_leads_is_judged_by_its_words(path: str, target: str, expected: bool) -> None:
    assert leads_out(path, target) is expected


def test_members_that_lie_far_apart_are_read_apart_and_close_ones_together() -> None:
    far = assemble(
        [directory("files/files"), file("files/files/a"), file("files/files/b", bytes(9 << 20)), file("files/files/c")]
    )
    read = list(copy_pieces(choice("a", "c", taken=far), copy_facts(choice("a", "c", taken=far)).expected_size))
    assert [len(one.pieces) for one in read if isinstance(one, Stretch)] == [1, 1]
    near = [one for one in copy_pieces(choice("config.yml", "world/level.dat"), 0) if isinstance(one, Stretch)]
    assert [len(one.pieces) for one in near] == [2]


@pytest.mark.parametrize("skipped", [0, 1, 9, 10, 11, 24])
def test_what_is_left_of_a_stretch_behind_its_first_bytes(skipped: int) -> None:
    stretch = Stretch([(10, 20), (30, 45)])
    numbers = [*range(10, 20), *range(30, 45)]
    left = stretch.after(skipped)
    assert [number for begin, end in left.pieces for number in range(begin, end)] == numbers[skipped:]
    assert left.size == stretch.size - skipped
