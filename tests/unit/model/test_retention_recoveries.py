"""Retention lets everything be while a recovery may need it, and judges the backups made before one by themselves."""

from dataclasses import replace

import pytest
from hypothesis import given

from fleetsave.model.history import Backup, State
from fleetsave.model.policy import RetentionPolicy
from fleetsave.model.retention import CLOCK_TOLERANCE, Rule, decide
from tests.unit.model.histories import NOW, backup, histories, policies
from tests.unit.model.test_retention import DAY, EXAMPLES, KEEP_ONE, deleted, rules

RECOVERY = "recovery server_001.000001 is not finished, and may need it"


@given(histories, policies)
@EXAMPLES
def test_nothing_is_deleted_while_a_recovery_is_not_finished(backups: list[Backup], policy: RetentionPolicy) -> None:
    decisions = decide(backups, policy, NOW, recovering=RECOVERY)
    assert deleted(decisions) == []
    assert set(rules(decisions)) <= {Rule.RECOVERING, Rule.HELD}
    assert all(decision.reason == RECOVERY for decision in decisions if decision.rule is Rule.RECOVERING)


def test_what_needs_a_person_is_told_before_a_recovery() -> None:
    suspect, old = backup(DAY, State.SUSPECT), backup(40 * DAY)
    assert rules(decide([suspect, old], KEEP_ONE, NOW, recovering=RECOVERY)) == [Rule.HELD, Rule.HELD]
    lost = backup(2 * DAY)
    decisions = decide([backup(DAY), lost], KEEP_ONE, NOW, missing={lost.key}, recovering=RECOVERY)
    assert rules(decisions) == [Rule.RECOVERING, Rule.MISSING]


# --- backups made before a recovery --------------------------------------------------------------------------------------


def as_safety(one: Backup) -> Backup:
    return replace(one, key=replace(one.key, artifact_id=one.key.artifact_id.safety))


@given(histories.map(lambda backups: [as_safety(one) for one in backups]), policies)
@EXAMPLES
def test_the_newest_verified_safety_backups_stay_and_so_does_all_that_is_newer(
    backups: list[Backup], policy: RetentionPolicy
) -> None:
    gone = deleted(decide(backups, policy, NOW))
    verified = sorted((one.key for one in backups if one.state is State.VERIFIED), reverse=True)
    assert not set(gone) & set(verified[: policy.keep_last])
    assert all(verified and key < verified[0] for key in gone)
    assert not any(one.is_pinned for one in backups if one.key in gone)


@pytest.mark.parametrize("state", [State.REJECTED, State.SUSPECT])
def test_a_bad_safety_backup_holds_nothing(state: State) -> None:
    newest, verified, old = (as_safety(one) for one in (backup(DAY, state), backup(2 * DAY), backup(40 * DAY)))
    decisions = decide([newest, verified, old], KEEP_ONE, NOW)
    assert rules(decisions) == [Rule.NEWER_THAN_VERIFIED, Rule.NEWEST_VERIFIED, Rule.EXPIRED]


def test_safety_backups_of_which_none_is_verified_all_stay() -> None:
    backups = [as_safety(backup(40 * DAY, State.REJECTED)), as_safety(backup(50 * DAY, State.STORED))]
    assert rules(decide(backups, KEEP_ONE, NOW)) == [Rule.NEWER_THAN_VERIFIED] * 2


def test_a_clock_that_was_wrong_holds_safety_backups_too() -> None:
    backups = [as_safety(one) for one in (backup(-2 * CLOCK_TOLERANCE), backup(40 * DAY))]
    assert rules(decide(backups, KEEP_ONE, NOW)) == [Rule.HELD] * 2
