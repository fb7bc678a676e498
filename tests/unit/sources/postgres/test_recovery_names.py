"""The databases of a recovery have names that PostgreSQL keeps whole, and that nobody takes for others."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.sources.postgres.recovery_names import kept_name, new_name, with_suffix

ID = RecoveryId("central", 17)
NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


def test_the_names_say_what_they_are() -> None:
    assert new_name("game", ID) == "game_fleetsave_000017"
    assert kept_name("game", NOON) == "game_before_20240101_120000"
    assert kept_name("game", NOON.astimezone(timezone(timedelta(hours=5)))) == "game_before_20240101_120000"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=63))
def test_a_long_name_is_cut_between_characters_and_keeps_its_ending(name: str) -> None:
    for made in (new_name(name, ID), kept_name(name, NOON)):
        assert 1 <= len(made.encode()) <= 63
        assert made.endswith(("_fleetsave_000017", "_before_20240101_120000"))


@pytest.mark.parametrize(("name", "cut"), [("x" * 63, "x" * 59), ("\u00fc" * 31, "\u00fc" * 29)])
def test_what_is_cut_is_cut_before_the_ending(name: str, cut: str) -> None:
    assert with_suffix(name, "_end") == f"{cut}_end"
