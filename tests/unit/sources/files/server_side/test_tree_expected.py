"""What is listed is made only if it lies below the folder, in a form that leaves no doubt."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.sources.files.server_side.tree_expected import ExpectedEntry, encoded_path
from fleetsave.sources.sqlite.server_side.ground import RefusedError

NAMES = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..")
)


def entry(**values: Any) -> ExpectedEntry:
    return ExpectedEntry({"path": "a", "type": "file", "member": "files/x/a", **values})


@given(st.lists(NAMES, min_size=1, max_size=5))
def test_a_path_below_the_folder_is_taken_as_it_is(names: list[str]) -> None:
    assert encoded_path("/".join(names)) == "/".join(names).encode()


@given(st.lists(NAMES, max_size=3), st.sampled_from(["", ".", "..", "a\0b"]), st.lists(NAMES, max_size=3))
def test_a_path_that_could_lead_elsewhere_is_refused(before: list[str], bad: str, after: list[str]) -> None:
    names = [*before, bad, *after]
    if names == ["."]:
        return
    with pytest.raises(RefusedError) as refused:
        encoded_path("/".join(names))
    assert refused.value.reason == "bad_entry"


@pytest.mark.parametrize(
    ("path", "target", "leads_out"),
    [
        ("a", "b", False), ("a", "..", True), ("a/b", "..", False), ("a/b", "../..", True), ("a/b", "../c", False),
        ("a", "/etc/passwd", True), ("a/b/c", "../../d/../../e", True), ("a/b", "x/../../..", True), ("a", "./b", False),
        ("a", "", False), ("a", "nowhere", False), ("a/b", ".././../a", True),
    ],
)  # fmt: skip
def test_a_link_leads_out_by_its_words(path: str, target: str, leads_out: bool) -> None:
    assert entry(path=path, type="symlink", target=target).leads_out is leads_out


@pytest.mark.parametrize(
    "values",
    [
        {"type": "device"}, {"type": "absent"}, {"size": -1}, {"path": "."}, {"path": "/etc"}, {"path": "a/../b"},
        {"type": "hardlink", "target": "../a"}, {"type": "symlink", "target": "a\0b"},
    ],
    ids=json.dumps,
)  # fmt: skip
def test_what_may_not_be_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as refused:
        entry(**values)
    assert refused.value.reason == "bad_entry"
