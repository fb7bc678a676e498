"""What a difference from the backup means depends on whether somebody has written since."""

import pytest

from fleetsave.model.records import Fingerprint, Outcome
from fleetsave.sources.sqlite.restore_findings import compare, integrity

EXPECTED = Fingerprint({"a": 1, "b": 2}, "s" * 64, {"money": [1.0]}, {"money": "SELECT 1.0"})


def outcomes(found: Fingerprint | None, *, written: bool = False) -> dict[str, Outcome]:
    return {finding.check: finding.outcome for finding in compare(EXPECTED, found, written=written)}


def test_what_is_equal_passes() -> None:
    found = Fingerprint({"b": 2, "a": 1}, "s" * 64, {"money": [1.0 + 1e-12]}, {"money": "SELECT 1.0"})
    assert outcomes(found) == {"row_counts": Outcome.PASSED, "schema": Outcome.PASSED, "owner:money": Outcome.PASSED}


@pytest.mark.parametrize("written", [True, False])
def test_a_difference_passes_only_if_the_game_may_have_made_it(written: bool) -> None:
    found = Fingerprint({"a": 1, "c": 2}, "t" * 64, {"money": [2.0]})
    expected = Outcome.PASSED if written else Outcome.FAILED
    assert outcomes(found, written=written) == {"row_counts": expected, "schema": Outcome.FAILED, "owner:money": expected}
    details = {finding.check: finding.detail for finding in compare(EXPECTED, found, written=written)}
    assert details["row_counts"].endswith("; the game has written since") is written
    assert "'b' has no table, 2 in the backup" in details["row_counts"]


def test_no_fingerprint_is_told_as_such() -> None:
    assert outcomes(None) == {"fingerprint": Outcome.FAILED}
    (skipped,) = compare(None, EXPECTED, written=False)
    assert skipped.outcome is Outcome.SKIPPED


def test_what_the_servers_sqlite_cannot_judge_is_suspect() -> None:
    assert integrity({"integrity": "suspect", "detail": "no such collation"}).outcome is Outcome.SUSPECT
