"""Headers are read back by Python's tarfile as what they were made of."""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.sources.files.server_side.tar_members import MemberMeta, member_header, sparse_map, tar_padding

META = MemberMeta(0o4755, 1000, 4_000_000_000, "game", "games", 1_700_000_000_123_456_789, {})


def read_back(data: bytes) -> tarfile.TarInfo:
    with tarfile.open(fileobj=io.BytesIO(data + bytes(1024))) as archive:
        (member,) = archive.getmembers()
    return member


def test_mode_owner_and_time_come_back() -> None:
    member = read_back(member_header("files/a", tarfile.DIRTYPE, META))
    assert (member.name, member.isdir(), member.mode, member.uid, member.gid) == ("files/a", True, 0o4755, 1000, 4_000_000_000)
    assert (member.uname, member.gname, member.pax_headers["mtime"]) == ("game", "games", "1700000000.123456789")


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0.000000000"), (1, "0.000000001"), (-500_000_000, "-0.500000000"), (-1_500_000_000, "-1.500000000")],
)
def test_times_before_1970_come_back(nanoseconds: int, text: str) -> None:
    meta = MemberMeta(0, 0, 0, "", "", nanoseconds, {})
    member = read_back(member_header("a", tarfile.DIRTYPE, meta))
    assert member.pax_headers["mtime"] == text
    assert member.mtime == nanoseconds / 1e9


_names = st.binary(min_size=1, max_size=300).filter(lambda name: b"\0" not in name and b"/" not in name)


@given(_names, _names)
def test_every_name_and_target_comes_back(name: bytes, target: bytes) -> None:
    path = "files/" + name.decode("utf-8", "surrogateescape")
    linked = target.decode("utf-8", "surrogateescape")
    member = read_back(member_header(path, tarfile.SYMTYPE, META, target=linked))
    assert (member.name, member.linkname) == (path, linked)


@given(st.binary(max_size=300))
def test_every_attribute_comes_back(value: bytes) -> None:
    meta = MemberMeta(0, 0, 0, "", "", 0, {"user.a=b%c": value})
    member = read_back(member_header("a", tarfile.DIRTYPE, meta))
    assert member.pax_headers["SCHILY.xattr.user.a%3Db%25c"].encode("utf-8", "surrogateescape") == value


@pytest.mark.parametrize("end", [10, 5000, 9000])
def test_a_file_with_holes_comes_back_under_its_own_name(end: int) -> None:
    segments = [(1000, 10), (4000, 1000)]
    size = max(end, 5000)
    mapped = sparse_map(segments, size)
    stored = len(mapped) + 1010
    name = "files/" + "long \udcff é" * 30
    data = member_header(name, tarfile.REGTYPE, META, stored, sparse_size=size) + mapped + b"x" * 10 + b"y" * 1000
    archive_bytes = data + tar_padding(stored) + bytes(1024)
    with tarfile.open(fileobj=io.BytesIO(archive_bytes)) as archive:
        (member,) = archive.getmembers()
        file = archive.extractfile(member)
        assert file is not None
        assert file.read() == bytes(1000) + b"x" * 10 + bytes(2990) + b"y" * 1000 + bytes(size - 5000)
    assert (member.name, member.size, member.issparse()) == (name, size, True)


def test_nothing_but_a_hole_is_a_file_too() -> None:
    mapped = sparse_map([], 7000)
    data = member_header("a", tarfile.REGTYPE, META, len(mapped), sparse_size=7000) + mapped + bytes(1024)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        file = archive.extractfile("a")
        assert file is not None
        assert file.read() == bytes(7000)
