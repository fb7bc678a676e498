"""What the server says of a restored folder becomes findings."""

from typing import Any

import pytest

from fleetsave.model.records import Outcome
from fleetsave.sources.files.restore_findings import in_place, lacking, unpacked

UNPACKED = {"entries": 5, "files": 3, "lacks": {}}
IN_PLACE: dict[str, Any] = {"entries": 5, "failed": 0, "written": 0, "unreadable": 0, "wrong": [], "lacks": {}}


def test_a_tree_that_was_unpacked_whole_passes() -> None:
    (finding,) = unpacked(UNPACKED)
    assert (finding.outcome, finding.detail[:22]) == (Outcome.PASSED, "5 entries, 3 files rea")


@pytest.mark.parametrize("word", ["owner", "mode", "times", "attributes"])
def test_what_could_not_be_given_back_is_a_warning(word: str) -> None:
    (finding,) = lacking({"lacks": {word: 7}})
    assert (finding.outcome, finding.detail[:2]) == (Outcome.WARNING, "7 ")


def test_what_was_written_since_is_no_fault() -> None:
    (finding,) = in_place({**IN_PLACE, "written": 2, "unreadable": 1})
    assert finding.outcome is Outcome.PASSED
    assert finding.detail == "2 of 5 entries are as in the backup; 2 were written since; 1 may not be read by this account"


def test_what_differs_is_named_and_fails() -> None:
    (finding,) = in_place({**IN_PLACE, "failed": 1, "wrong": ["'a': it is missing"]})
    assert (finding.outcome, "'a': it is missing" in finding.detail) == (Outcome.FAILED, True)
