"""The lines of a manifest are read strictly: what is not of its form is refused with its line, and never half believed."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.errors import CatalogError
from fleetsave.model.manifests import Entry, EntryType, read_entries

HEADER = b'{"fleetsave_manifest": 1, "snapshot_id": "00"}\n'
names = st.binary(min_size=1, max_size=40).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
numbers = st.integers(0, 1 << 62)
entries = st.builds(
    Entry, path=names, type=st.sampled_from(EntryType), offset=numbers, span=numbers, size=numbers, mode=st.integers(0, 0o7777),
    uid=numbers, gid=numbers, user=names, group=names, mtime_ns=st.integers(-(1 << 62), 1 << 62), target=names,
    sparse=st.booleans(),
    xattrs=st.dictionaries(names, names), sqlite=st.none() | st.just({"size": 1}), problem=names, detail=names,
)  # fmt: skip


def line(**values: object) -> bytes:
    return json.dumps(values).encode() + b"\n"


@given(st.lists(entries, max_size=4))
def test_every_name_and_number_comes_back_as_it_was_written(given_entries: list[Entry]) -> None:
    lines = [HEADER, *(line(**asdict(entry)) for entry in given_entries)]
    assert list(read_entries(lines, "m")) == given_entries


def test_what_is_left_out_has_its_default() -> None:
    assert list(read_entries([HEADER, line(path="a", type="file")], "m")) == [Entry("a", EntryType.FILE)]


@pytest.mark.parametrize(
    "bad",
    [
        b"", b"nothing\n", b"[]\n", b"null\n", b"{}\n", b"[" * 100_000, line(path="a"), line(type="file"),
        line(path="a", type="door"),
        line(path=1, type="file"), line(path="a", type="file", size="1"), line(path="a", type="file", size=-1),
        line(path="a", type="file", size=True), line(path="a", type="file", size=1.5), line(path="a", type="file", unknown=1),
        line(path="a", type="file", xattrs=[]), line(path="a", type="file", sqlite=[]), line(path="a", type="file", sparse="yes"),
        b'{"path": "a", "type": "file", "size": NaN}\n', b"\xff\xfe\n",
    ],
)  # fmt: skip
def test_a_line_of_another_form_is_refused_by_its_number(bad: bytes) -> None:
    with pytest.raises(CatalogError, match="m line 2"):
        list(read_entries([HEADER, bad], "m"))


@pytest.mark.parametrize("header", [b"", b"{}\n", b'{"fleetsave_manifest": 2}\n', line(path="a", type="file")])
def test_a_manifest_begins_with_its_header(header: bytes) -> None:
    with pytest.raises(CatalogError, match="m line 1"):
        list(read_entries([header] if header else [], "m"))
