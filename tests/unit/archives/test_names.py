"""Names lie where a capture puts them and in its order; links out are known by their words."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.archives.names import Walk, leads_out, path_fault, printable

NAMES = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=3).filter(
    lambda name: name not in (".", "..")
)


@pytest.mark.parametrize(
    "path", ["files/logs", "files/logs/a/b", "databases/world.db", "files/a/\udcff", "files/a/...", "files/a/ "]
)
def test_what_a_capture_writes_may_stand_in_an_archive(path: str) -> None:
    assert path_fault(path) is None


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "/etc/passwd", "..", "../x", "files", "files/", "files/..", "files/a/../b", "files//a", "files/a/.", "files/a/",
        "databases", "databases/x", "databases/a/x.db", "databases/..", "files/a\0b", "files/\ud800", "etc/x", "FILES/a",
        "manifest.jsonl",
    ],
)  # fmt: skip
def test_nothing_else_may(path: str) -> None:
    assert path_fault(path)


@pytest.mark.parametrize(
    ("path", "target", "out"),
    [
        ("files/a/x", "y", False), ("files/a/x", "../y", True), ("files/a/b/x", "../y", False), ("files/a/b/x", "../../y", True),
        ("files/a/x", "/etc", True), ("files/a/x", "b/../../y", True), ("files/a/x", "./b//../y", False),
        ("files/a/x", "", False),
        ("files/a/x", "..", True), ("files/a/b/x", "..", False), ("files/a/b/x", "../b/../../a", True),
    ],
)  # fmt: skip
def test_a_link_leads_out_if_its_words_do(path: str, target: str, out: bool) -> None:
    assert leads_out(path, target) is out


@given(st.recursive(st.none(), lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=20))
def test_every_walk_of_a_tree_is_accepted_and_none_of_its_names_twice(tree: dict[str, object] | None) -> None:
    walk = Walk()
    for path, is_folder in _walked("files/set", tree or {}):
        assert walk.fault(path, is_folder=is_folder) is None
        assert walk.fault(path, is_folder=is_folder)


@given(st.dictionaries(NAMES, st.none(), min_size=2, max_size=5), st.randoms())
def test_another_order_than_that_of_bytes_is_refused(names: dict[str, None], chance: Random) -> None:
    ordered = sorted(names, key=lambda name: name.encode())
    shuffled = list(ordered)
    chance.shuffle(shuffled)
    walk = Walk()
    walk.fault("files/set", is_folder=True)
    faults = [walk.fault(f"files/set/{name}", is_folder=False) for name in shuffled]
    assert any(faults) is (shuffled != ordered)


def test_several_sets_and_databases_follow_one_another() -> None:
    walk = Walk()
    paths = ["databases/z.db", "databases/a.db", "files/z", "files/z/x", "files/a", "files/a/x"]
    assert [walk.fault(path, is_folder=path.count("/") == 1 and "files" in path) for path in paths] == [None] * 6
    assert "comes just" not in str(walk.fault("files/z/y", is_folder=False))
    assert walk.fault("files/z/y", is_folder=False) is not None


def test_more_sets_than_a_server_has_are_refused() -> None:
    walk = Walk()
    faults = [walk.fault(f"files/{number}", is_folder=True) for number in range(10_001)]
    assert faults[:-1] == [None] * 10_000
    assert "more than 10000" in str(faults[-1])


def test_a_name_is_written_so_that_every_record_can_hold_it() -> None:
    assert printable("a\udcff\ud83dü") == "a\\udcff\\ud83dü"


def _walked(path: str, tree: dict[str, object]) -> list[tuple[str, bool]]:
    found = [(path, True)]
    for name in sorted(tree, key=lambda name: name.encode()):
        below = tree[name]
        found += _walked(f"{path}/{name}", below) if isinstance(below, dict) else [(f"{path}/{name}", False)]
    return found
