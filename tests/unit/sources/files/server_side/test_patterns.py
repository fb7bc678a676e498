"""Patterns mean what they say, for every path; a second way to read them, by one regular expression, agrees."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.sources.files.server_side.patterns import PathFilter, PathPatterns
from fleetsave.sources.sqlite.server_side.ground import RefusedError


def matches(pattern: str, path: str) -> bool:
    patterns = PathPatterns([pattern])
    places = patterns.start()
    for name in path.split("/"):
        places = patterns.below(places, name.encode("utf-8", "surrogateescape"))
    return patterns.matched(places)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("**", "a", True),
        ("**", "a/.b", True),
        ("world", "world", True),
        ("world", "world/region/r.mca", True),
        ("world", "worlds", False),
        ("world", "old/world", False),
        ("*.log", "a.log", True),
        ("*.log", ".log", True),
        ("*.log", "a/b.log", False),
        ("**/*.log", "b.log", True),
        ("**/*.log", "a/b/c.log", True),
        ("**/*.log", "a/b/c.log/d", True),
        ("a/**", "a", False),
        ("a/**", "a/b", True),
        ("a/**", "a/b/c", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "a/x/y/c", False),
        ("**/**", "a", True),
        ("?", "é", True),
        ("?", "\udcff", True),
        ("[!a]", "b", True),
        ("[!a]", "a", False),
        ("[[]x[]]", "[x]", True),
        ("[", "[", True),
        ("a*", "a\nb", True),
        ("a*", "\na", False),
    ],
)
def test_a_pattern_means(pattern: str, path: str, expected: bool) -> None:
    assert matches(pattern, path) is expected


def reference(pattern: str) -> re.Pattern[str]:
    """Return a regular expression for a pattern of `*`, `?`, `**` and letters, that matches what is in a matched folder too."""
    text = ""
    names = pattern.split("/")
    for position, name in enumerate(names):
        is_last = position == len(names) - 1
        if name == "**":
            text += "[^/]+" if is_last else "(?:[^/]+/)*"
        else:
            text += name.replace("*", "[^/]*").replace("?", "[^/]") + ("" if is_last else "/")
    return re.compile(f"{text}(?:/.*)?", re.DOTALL)


@given(
    st.lists(st.one_of(st.just("**"), st.text("ab*?", min_size=1, max_size=3)), min_size=1, max_size=4).map("/".join),
    st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=5).map("/".join),
)
def test_both_ways_to_read_a_pattern_agree(pattern: str, path: str) -> None:
    if any("**" in name and name != "**" for name in pattern.split("/")):
        pattern = re.sub(r"[ab?*]*\*\*[ab?*]*", "**", pattern)
    assert matches(pattern, path) == bool(reference(pattern).fullmatch(path))


def kept(path: str, include: list[str], exclude: list[str]) -> bool:
    chosen = PathFilter(include, exclude)
    place = chosen.start()
    for name in path.split("/"):
        below = chosen.below(place, name.encode())
        if below is None:
            return False
        place = below
    return chosen.takes(place)


def test_what_is_excluded_is_left_out_with_all_that_is_in_it() -> None:
    assert kept("a/b", ["**"], ["*.tmp"])
    assert not kept("a.tmp/b", ["**"], ["*.tmp"])
    assert not kept("a/b", ["a/b"], ["a"])


def test_a_folder_is_entered_only_if_something_in_it_can_match() -> None:
    chosen = PathFilter(["world/*/region"], [])
    assert chosen.below(chosen.start(), b"logs") is None
    world = chosen.below(chosen.start(), b"world")
    assert world is not None
    assert not chosen.takes(world)


def test_a_pattern_that_cannot_be_read_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    # Python's own translation of today leaves no pattern that cannot be compiled; that of 3.6 does.
    monkeypatch.setattr("fnmatch.translate", lambda name: f"({name}")
    with pytest.raises(RefusedError) as refused:
        PathPatterns(["a"])
    assert refused.value.reason == "bad_pattern"
