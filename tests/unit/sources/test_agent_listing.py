"""An agent's listing is read whole, or refused."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.errors import CaptureError
from fleetsave.sources.agent_listing import read_listing

ARTIFACTS: list[dict[str, Any]] = [
    {
        "kind": "database", "name": "main", "path": "/srv/*.db", "pattern": True, "checks": {"money": "SELECT 1"},
        "files": [{"id": "0f", "path": "/srv/a.db"}],
    },
    {"kind": "files", "name": "logs", "path": "/var/log", "include": ["**"], "exclude": ["a"], "maximum_file_size": 5, "x": 1},
    {"kind": "full", "name": "full", "path": "/"},
    {"kind": "of a newer agent", "name": "x", "path": "/x"},
]  # fmt: skip


def test_each_artifact_is_found_by_its_name() -> None:
    listing = read_listing({"artifacts": ARTIFACTS}, "server_001")
    assert dict(listing.databases["main"].files) == {"/srv/a.db": "0f"}
    assert (listing.databases["main"].pattern, listing.databases["main"].checks) == (True, {"money": "SELECT 1"})
    assert (listing.folders["logs"].exclude, listing.folders["logs"].maximum_file_size) == (["a"], 5)
    assert listing.full
    assert not read_listing({"artifacts": []}, "server_001").full


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["artifacts", "kind", "name", "path", "x"]), inner)
    ),
    max_leaves=10,
)


@given(json_values)
def test_whatever_is_no_listing_is_refused_by_name(reply: object) -> None:
    with suppress(CaptureError):
        listing = read_listing(reply, "server_001")
        assert isinstance(reply, dict)
        assert len(listing.databases) + len(listing.folders) <= len(reply["artifacts"])


@pytest.mark.parametrize("wrong", [{"kind": "database"}, {"kind": "database", "name": 1, "path": "/"}, 7])
def test_an_artifact_without_name_or_path_is_refused(wrong: object) -> None:
    with pytest.raises(CaptureError):
        read_listing({"artifacts": [*ARTIFACTS, wrong]}, "server_001")
