"""Findings add up to one verdict and to the highest level proven without a gap."""

import pytest

from fleetsave.checks.sqlite_restore import FOREIGN_KEYS
from fleetsave.model.keys import RecordName
from fleetsave.model.records import Finding, Level, Outcome
from fleetsave.verify import verdict

PASSED, FAILED, SUSPECT, SKIPPED = Outcome.PASSED, Outcome.FAILED, Outcome.SUSPECT, Outcome.SKIPPED


def finding(outcome: Outcome, level: Level | None = None, check: str = "check") -> Finding:
    return Finding(check, outcome, "", level)


def up_to(level: int) -> list[Finding]:
    return [finding(PASSED, Level(number)) for number in range(1, level + 1)]


@pytest.mark.parametrize("level", [3, 4, 5])
def test_all_passed_from_a_restore_on_is_verified_at_the_level_reached(level: int) -> None:
    assert verdict.verdict(up_to(level)) is RecordName.VERIFIED
    assert verdict.level(up_to(level)) is Level(level)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_what_was_not_restored_is_never_verified(level: int) -> None:
    assert verdict.verdict(up_to(level)) is RecordName.SUSPECT


@pytest.mark.parametrize("failed_at", [1, 2, 3, 4, 5])
def test_one_failure_rejects_and_the_level_below_it_stands(failed_at: int) -> None:
    findings = [*up_to(5), finding(FAILED, Level(failed_at))]
    assert verdict.verdict(findings) is RecordName.REJECTED
    assert verdict.level(findings) is Level(failed_at - 1)


def test_suspect_joins_what_passed_and_yields_to_what_failed() -> None:
    assert verdict.verdict([*up_to(4), finding(SUSPECT)]) is RecordName.SUSPECT
    assert verdict.level([*up_to(4), finding(SUSPECT)]) is Level.EQUAL_TO_SOURCE
    assert verdict.verdict([*up_to(4), finding(SUSPECT), finding(FAILED)]) is RecordName.REJECTED


def test_a_skipped_level_is_not_reached_and_neither_is_one_above_it() -> None:
    findings = [*up_to(3), finding(SKIPPED, Level.EQUAL_TO_SOURCE), finding(PASSED, Level.APPLICATION)]
    assert verdict.verdict(findings) is RecordName.VERIFIED
    assert verdict.level(findings) is Level.RESTORED


def test_only_violated_foreign_keys_alone_are_beyond_repair() -> None:
    assert not verdict.is_curable([*up_to(2), finding(FAILED, Level.RESTORED, FOREIGN_KEYS)])
    assert verdict.is_curable([finding(FAILED, Level.RESTORED, FOREIGN_KEYS), finding(FAILED, Level.CHECKSUM)])
    assert verdict.is_curable([finding(FAILED, None, "missing")])


def test_a_warning_takes_nothing_from_a_backup() -> None:
    findings = [*up_to(4), finding(Outcome.WARNING)]
    assert (verdict.verdict(findings), verdict.level(findings)) == (RecordName.VERIFIED, Level.EQUAL_TO_SOURCE)
    assert not verdict.has_failed(findings)


def test_violated_foreign_keys_of_a_database_in_an_archive_are_beyond_repair_too() -> None:
    in_archive = finding(FAILED, Level.RESTORED, f"databases/world.db: {FOREIGN_KEYS}")
    assert not verdict.is_curable([*up_to(2), in_archive])
    assert verdict.is_curable([in_archive, finding(FAILED, Level.CHECKSUM)])
