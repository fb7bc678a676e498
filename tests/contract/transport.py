"""What every transport must do with files, whatever it goes over. A subclass brings the `place` its transport sees."""

import os
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pytest

from fleetsave.model.errors import RemoteFileError
from fleetsave.transports.base import Transport

HOSTILE_NAMES = [
    "plain.db",
    "with space.db",
    "-leading dash",
    "new\nline",
    'quo\'te "double"',
    "$(touch pwned) `id` ; & | > <",
    "back\\slash\\n",
    "*?[glob]",
    "tab\tand\rreturn",
    "ünïcode ☃",
    os.fsdecode(b"not utf-8 \xff\xfe"),
    "#comment %25 !bang ~",
]
CONTENT = os.urandom(3 << 20)


@dataclass(frozen=True)
class Place:
    """A fresh folder: `here` is where the test makes files, `there` what the transport calls it."""

    here: Path
    there: str
    transport: Transport

    def path(self, name: str) -> str:
        return f"{self.there}/{name}"

    def make(self, name: str, content: bytes = b"content") -> str:
        file = self.here / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return self.path(name)

    def read(self, path: str, offset: int, length: int) -> bytes:
        return b"".join(self.transport.read_file(path, offset=offset, length=length))


class FileContract:
    """Reading, describing and finding files: what every account gives."""

    @pytest.mark.parametrize(
        ("offset", "length"),
        [(0, 3 << 20), (0, 1), (1, 2 << 20), ((3 << 20) - 1, 1), (131072, 131072), (131071, 131074), (1234567, 765432), (5, 0)],
    )
    def test_a_range_is_read_exactly(self, place: Place, offset: int, length: int) -> None:
        path = place.make("data", CONTENT)
        assert place.read(path, offset, length) == CONTENT[offset : offset + length]

    def test_chunks_are_never_larger_than_a_mebibyte(self, place: Place) -> None:
        path = place.make("data", CONTENT)
        assert all(0 < len(chunk) <= 1 << 20 for chunk in place.transport.read_file(path, offset=0, length=len(CONTENT)))

    def test_two_reads_that_take_turns_do_not_mix(self, place: Place) -> None:
        contents = [CONTENT, CONTENT[::-1]]
        reads = [place.transport.read_file(place.make(f"{n}", c), offset=0, length=len(c)) for n, c in enumerate(contents)]
        received = [b"", b""]
        for chunks in zip_longest(*reads, fillvalue=b""):
            received = [before + chunk for before, chunk in zip(received, chunks, strict=True)]
        assert received == contents

    def test_a_read_left_in_the_middle_does_not_spoil_the_next(self, place: Place) -> None:
        path = place.make("data", CONTENT)
        for _ in place.transport.read_file(path, offset=0, length=len(CONTENT)):
            break
        assert place.read(path, 100, 1000) == CONTENT[100:1100]

    def test_a_missing_file_is_named(self, place: Place) -> None:
        with pytest.raises(RemoteFileError, match="missing") as caught:
            place.read(place.path("missing"), 0, 10)
        assert not caught.value.retryable

    def test_a_folder_is_no_file(self, place: Place) -> None:
        (place.here / "folder").mkdir()
        with pytest.raises(RemoteFileError):
            place.read(place.path("folder"), 0, 10)
        with pytest.raises(RemoteFileError):
            place.transport.stat(place.path("folder"))

    def test_a_path_through_a_file_is_missing(self, place: Place) -> None:
        path = place.make("data")
        with pytest.raises(RemoteFileError):
            place.read(f"{path}/below", 0, 1)
        with pytest.raises(RemoteFileError):
            place.transport.stat(f"{path}/below")

    @pytest.mark.parametrize("offset", [0, 2 << 20, (3 << 20) + 5, 10 << 20])
    def test_a_file_that_ends_early_is_an_error_and_gives_no_wrong_byte(self, place: Place, offset: int) -> None:
        path = place.make("data", CONTENT)
        received = b""
        with pytest.raises(RemoteFileError):  # noqa: PT012 - what came before the error counts too
            for chunk in place.transport.read_file(path, offset=offset, length=(3 << 20) + 1):
                received += chunk
        assert received == CONTENT[offset:]

    def test_a_file_is_described(self, place: Place) -> None:
        path = place.make("data", CONTENT)
        os.utime(place.here / "data", (1, 1700000000))
        described = place.transport.stat(path)
        assert (described.path, described.size, described.modified) == (path, len(CONTENT), 1700000000)

    def test_a_missing_file_is_not_described(self, place: Place) -> None:
        with pytest.raises(RemoteFileError, match="missing"):
            place.transport.stat(place.path("missing"))

    def test_links_are_followed(self, place: Place) -> None:
        place.make("data", b"linked")
        (place.here / "link").symlink_to("data")
        assert place.transport.stat(place.path("link")).size == 6
        assert place.read(place.path("link"), 0, 6) == b"linked"

    @pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
    def test_a_file_of_any_name_is_found_described_and_read(self, place: Place, name: str) -> None:
        path = place.make(name, name.encode("utf-8", "surrogateescape"))
        assert place.transport.glob(place.path("*")) == [path]
        assert place.transport.stat(path).size == len(os.fsencode(name))
        assert place.read(path, 0, len(os.fsencode(name))) == os.fsencode(name)
        assert list(place.here.iterdir()) == [place.here / name]

    def test_a_pattern_finds_regular_files_and_links_to_them_sorted(self, place: Place) -> None:
        expected = [place.make("b.db"), place.make("a.db"), place.path("link.db")]
        (place.here / "link.db").symlink_to("a.db")
        (place.here / "broken.db").symlink_to("nowhere")
        (place.here / "folder.db").mkdir()
        (place.here / "to-folder.db").symlink_to("folder.db")
        place.make("a.txt")
        assert place.transport.glob(place.path("*.db")) == sorted(expected)

    def test_a_star_crosses_no_folder_and_matches_no_hidden_name(self, place: Place) -> None:
        place.make("top.db")
        place.make(".hidden.db")
        deep = place.make("one/deep.db")
        other = place.make("two/deep.db")
        place.make(".three/deep.db")
        assert place.transport.glob(place.path("*.db")) == [place.path("top.db")]
        assert place.transport.glob(place.path("*/*.db")) == [deep, other]
        assert place.transport.glob(place.path(".*.db")) == [place.path(".hidden.db")]

    def test_marks_and_sets_match_one_character(self, place: Place) -> None:
        for name in ("world1.db", "world2.db", "world10.db", "worldx.db"):
            place.make(name)
        assert place.transport.glob(place.path("world?.db")) == [place.path(f"world{n}.db") for n in "12x"]
        assert place.transport.glob(place.path("world[0-9].db")) == [place.path(f"world{n}.db") for n in "12"]
        assert place.transport.glob(place.path("world[!0-9].db")) == [place.path("worldx.db")]

    def test_a_pattern_without_marks_is_a_file_or_nothing(self, place: Place) -> None:
        path = place.make("data")
        assert place.transport.glob(path) == [path]
        assert place.transport.glob(place.path("missing")) == []
        assert place.transport.glob(place.path("missing/*/x")) == []
        assert place.transport.glob(f"{path}/*") == []

    def test_closing_twice_is_no_error(self, place: Place) -> None:
        place.transport.stat(place.make("data"))
        place.transport.close()
        place.transport.close()
