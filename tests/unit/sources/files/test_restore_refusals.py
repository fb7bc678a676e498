"""Every reason for which the script refuses a folder's restore has its words."""

import re
from pathlib import Path

import pytest

from fleetsave.sources.files import server_side
from fleetsave.sources.files.restore_refusals import TREE_REFUSALS, tree_refusal
from fleetsave.sources.sqlite.restore_refusals import RESTORE_REFUSALS

PARTS = sorted(Path(server_side.__file__).parent.glob("tree_*.py"))
RESTORING = [part for part in PARTS if part.stem not in ("tree_main", "tree_databases", "tree_entries")]
REASONS = sorted({reason for part in RESTORING for reason in re.findall(r'RefusedError\(\s*"(\w+)"', part.read_text())})


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_is_known(reason: str) -> None:
    assert reason in TREE_REFUSALS or reason in RESTORE_REFUSALS


def test_there_are_reasons() -> None:
    assert len(REASONS) > 15


def test_what_folders_have_in_common_with_databases_may_pass_likewise() -> None:
    assert tree_refusal("/srv/game", "altered_copy", "it is").retryable
    assert not tree_refusal("/srv/game", "in_use", "it is").retryable
