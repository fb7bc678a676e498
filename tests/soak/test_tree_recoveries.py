"""Restores of folders, killed before every single one of their steps."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.killed_tree_restores import KILLS, PATHS

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]
MOST_STEPS = 300


@pytest.mark.parametrize("kill", KILLS)
@pytest.mark.parametrize("paths", [[], PATHS], ids=["whole", "chosen"])
def test_killed_before_any_step_it_is_the_old_or_the_new_whole(
    tmp_path: Path, kill: Callable[[Path, list[str], int], bool], paths: list[str]
) -> None:
    killed = 0
    while kill(tmp_path / str(killed + 1), paths, killed + 1):
        killed += 1
        assert killed < MOST_STEPS, "it never came to its end"
    print(f"{kill.__name__} {'chosen' if paths else 'whole'}: killed before each of {killed} steps")
    assert killed > 5
