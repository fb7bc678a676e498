"""A restore of a folder that is killed before some of its steps: the folder is the old one or the new one, and nothing is lost.

That it is so for every single step is shown in `tests/soak`.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.killed_tree_restores import KILLS, PATHS

STEPS = (1, 3, 5, 8, 12, 18)


@pytest.mark.parametrize("kill", KILLS)
@pytest.mark.parametrize("paths", [[], PATHS], ids=["whole", "chosen"])
def test_killed_before_a_step_it_is_the_old_or_the_new_whole(
    tmp_path: Path, kill: Callable[[Path, list[str], int], bool], paths: list[str]
) -> None:
    were_killed = [kill(tmp_path / str(step), paths, step) for step in STEPS]
    assert were_killed[0]
