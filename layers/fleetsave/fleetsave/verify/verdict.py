"""From findings to a verdict."""

from collections.abc import Sequence

from fleetsave.checks.sqlite_restore import FOREIGN_KEYS
from fleetsave.model.keys import RecordName
from fleetsave.model.records import Finding, Level, Outcome


def verdict(findings: Sequence[Finding]) -> RecordName:
    """Return rejected if a check failed, inconclusive if one could not be made here for lack of something, suspect if one was
    suspect or the copy was not restored, else verified.
    """
    outcomes = {finding.outcome for finding in findings}
    if Outcome.FAILED in outcomes:
        return RecordName.REJECTED
    if Outcome.INCONCLUSIVE in outcomes:
        return RecordName.INCONCLUSIVE
    if Outcome.SUSPECT in outcomes or level(findings) < Level.RESTORED:
        return RecordName.SUSPECT
    return RecordName.VERIFIED


def level(findings: Sequence[Finding]) -> Level:
    """Return the highest level such that it and every level below it were asked about and passed."""
    reached = Level.ARRIVED
    for next_level in list(Level)[1:]:
        outcomes = [finding.outcome for finding in findings if finding.level is next_level]
        if not outcomes or any(outcome is not Outcome.PASSED for outcome in outcomes):
            break
        reached = next_level
    return reached


def has_failed(findings: Sequence[Finding]) -> bool:
    """Tell whether one of the checks failed."""
    return any(finding.outcome is Outcome.FAILED for finding in findings)


def is_curable(findings: Sequence[Finding]) -> bool:
    """Tell whether capturing again may help: violated foreign keys alone are the source's, and every copy has them.

    The checks of a database in an archive are named after it.
    """
    failed = [finding.check for finding in findings if finding.outcome is Outcome.FAILED]
    return any(check != FOREIGN_KEYS and not check.endswith(f": {FOREIGN_KEYS}") for check in failed)
