"""An extended header gives back what tarfile writes, to the nanosecond and the last byte, or is refused with the reason."""

from contextlib import suppress
from tarfile import PAX_FORMAT, TarInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.archives import extended_header
from fleetsave.archives.reading import read_members
from tests.fixtures.archive_pieces import mtime_text
from tests.fixtures.hostile.altering import record
from tests.fixtures.stored_archives import END

TEXTS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=200)


def read_again(info: TarInfo) -> TarInfo:
    written = info.tobuf(format=PAX_FORMAT, encoding="utf-8", errors="surrogateescape")
    (member,) = read_members(iter([written + END]), "archive")
    return member.info


@given(TEXTS, TEXTS, st.integers(0, 1 << 40), TEXTS)
def test_names_targets_owners_are_those_that_tarfile_wrote(name: str, target: str, uid: int, user: str) -> None:
    info = TarInfo(name)
    info.type, info.linkname, info.uid, info.uname = b"2", target, uid, user
    found = read_again(info)
    assert (found.name, found.linkname, found.uid, found.uname) == (name, target, uid, user)


@given(st.integers(-(1 << 62), 1 << 62))
def test_times_are_exact_to_the_nanosecond_before_1970_too(nanoseconds: int) -> None:
    info = TarInfo("x")
    info.pax_headers = {"mtime": mtime_text(nanoseconds)}
    assert extended_header.mtime_ns(read_again(info)) == nanoseconds


@pytest.mark.parametrize(("text", "nanoseconds"), [("1.5", 1_500_000_000), ("-0.5", -500_000_000), ("7", 7_000_000_000)])
def test_times_may_be_shorter(text: str, nanoseconds: int) -> None:
    info = TarInfo("x")
    info.pax_headers = {"mtime": text}
    assert extended_header.mtime_ns(info) == nanoseconds


@pytest.mark.parametrize("text", ["", "nan", "inf", "1e9", "1.0000000001", " 1", "1.", ".5", "--1", "9" * 20, "\u0661"])
def test_what_is_no_time_is_refused(text: str) -> None:
    info = TarInfo("x")
    info.pax_headers = {"mtime": text}
    with pytest.raises(ValueError, match="is no time"):
        extended_header.mtime_ns(info)


def test_the_time_of_the_header_stands_in_where_there_is_no_other() -> None:
    info = TarInfo("x")
    info.mtime = 9
    assert extended_header.mtime_ns(info) == 9_000_000_000


@given(st.dictionaries(st.sampled_from(["user.a", "user.b=%c", "security.capability"]), st.binary(max_size=300)))
def test_attributes_may_be_of_any_bytes(values: dict[str, bytes]) -> None:
    info = TarInfo("x")
    written = {name: name.replace("%", "%25").replace("=", "%3D") for name in values}
    info.pax_headers = {f"SCHILY.xattr.{written[name]}": values[name].decode("utf-8", "surrogateescape") for name in values}
    assert extended_header.xattrs(read_again(info)) == values


@given(st.binary(max_size=100))
def test_every_byte_belongs_to_a_record_or_it_is_refused(content: bytes) -> None:
    with suppress(ValueError):
        records = extended_header.parse(content)
        assert sum(len(record(keyword, value)) for keyword, value in records.items()) == len(content)


@given(st.dictionaries(st.sampled_from(["path", "uname", "SCHILY.xattr.user.x"]), st.text(st.characters(codec="utf-8"))))
def test_records_come_back_as_they_were_written(values: dict[str, str]) -> None:
    assert extended_header.parse(b"".join(record(keyword, value) for keyword, value in values.items())) == values


@pytest.mark.parametrize("text", ["", "-1", "+1", "1 ", "1.0", "\u0661", "9" * 20])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no number"):
        extended_header.number(text)
