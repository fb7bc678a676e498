"""Retention never breaks a guard, whatever the history, the policy and the clock; and it does delete what is due."""

import os
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.history import Backup, State
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.policy import RetentionPolicy
from fleetsave.model.retention import CLOCK_TOLERANCE, Action, Decision, Rule, decide
from fleetsave.model.slots import Slot
from tests.unit.model.histories import NOW, backup, histories, policies

EXAMPLES = settings(
    max_examples=int(os.environ.get("FLEETSAVE_HYPOTHESIS_EXAMPLES", "200")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
DAY = timedelta(days=1)
KEEP_ONE = RetentionPolicy(keep_last=1, maximum_share=1)
KEEP_ONE_HALF = RetentionPolicy(keep_last=1)


def deleted(decisions: list[Decision]) -> list[BackupKey]:
    return [decision.key for decision in decisions if decision.action is Action.DELETE]


def rules(decisions: list[Decision]) -> list[Rule]:
    return [decision.rule for decision in decisions]


def after(backups: list[Backup], decisions: list[Decision]) -> list[Backup]:
    """Return the history once the decisions were carried out."""
    gone = set(deleted(decisions))
    return [
        replace(b, recorded_at={**b.recorded_at, RecordName.PRUNED: NOW}) if b.key in gone else b for b in backups
    ]  # fmt: skip


# --- guards, for every history -------------------------------------------------------------------------------------------


@given(histories, policies)
@EXAMPLES
def test_no_guard_is_ever_broken(backups: list[Backup], policy: RetentionPolicy) -> None:
    by_key = {one.key: one for one in backups}
    gone = [by_key[key] for key in deleted(decide(backups, policy, NOW))]
    existing = [one for one in backups if one.state is not State.PRUNED]
    verified = sorted((one.key for one in existing if one.state is State.VERIFIED), reverse=True)
    thins = policy.hourly or policy.daily or policy.weekly or policy.monthly
    assert all(one.state is not State.PRUNED and not one.is_pinned for one in gone)
    assert not {one.key for one in gone} & set(verified[: policy.keep_last])
    for one in gone:
        assert verified
        assert one.key < verified[0]
        assert RecordName.STORED in one.recorded_at
        is_expired = NOW - max(one.key.slot.at, one.recorded_at[RecordName.STORED]) > policy.keep_for
        assert is_expired or (thins and one.state is State.VERIFIED)
    assert len(gone) <= 1 or len(gone) <= policy.maximum_share * len(existing) + 1e-9


@given(histories, policies)
@EXAMPLES
def test_nothing_goes_while_a_clock_or_the_newest_judgement_is_in_doubt(backups: list[Backup], policy: RetentionPolicy) -> None:
    gone = deleted(decide(backups, policy, NOW))
    times = [moment for one in backups for moment in (one.key.slot.at, *one.recorded_at.values())]
    judged = [one for one in backups if one.state in (State.VERIFIED, State.SUSPECT, State.REJECTED)]
    if any(moment > NOW + CLOCK_TOLERANCE for moment in times):
        assert not gone
    if judged and max(judged, key=lambda one: one.key).state is not State.VERIFIED:
        assert not gone


@given(histories, policies)
@EXAMPLES
def test_what_is_missing_proves_nothing_and_is_not_deleted(backups: list[Backup], policy: RetentionPolicy) -> None:
    missing = {one.key for one in backups[::2]}
    gone = set(deleted(decide(backups, policy, NOW, missing=missing)))
    there = sorted((one.key for one in backups if one.state is State.VERIFIED and one.key not in missing), reverse=True)
    assert not gone & (missing | set(there[: policy.keep_last]))
    assert not gone or there


@given(histories, policies)
@EXAMPLES
def test_a_mark_as_pruned_makes_less_go_and_never_more(backups: list[Backup], policy: RetentionPolicy) -> None:
    policy, marked = replace(policy, maximum_share=1), {one.key for one in backups[::2]}
    gone = set(deleted(decide(backups, policy, NOW, half_pruned=marked)))
    recoverable = sorted((one.key for one in backups if one.state is State.VERIFIED and one.key not in marked), reverse=True)
    assert gone <= set(deleted(decide(backups, policy, NOW)))
    assert not gone & set(recoverable[: policy.keep_last])
    assert not gone or recoverable


@given(histories, policies)
@EXAMPLES
def test_every_backup_that_is_not_pruned_gets_one_decision_with_a_reason(backups: list[Backup], policy: RetentionPolicy) -> None:
    decisions = decide(backups, policy, NOW)
    assert [one.key for one in decisions] == sorted((b.key for b in backups if b.state is not State.PRUNED), reverse=True)
    assert all(one.reason for one in decisions)


@given(histories, policies, st.data())
@EXAMPLES
def test_the_order_of_the_input_does_not_matter_and_nothing_is_remembered(
    backups: list[Backup], policy: RetentionPolicy, data: st.DataObject
) -> None:
    first = decide(backups, policy, NOW)
    assert decide(data.draw(st.permutations(backups)), policy, NOW) == first
    assert decide(backups, policy, NOW) == first


@given(histories, policies)
@EXAMPLES
def test_deciding_again_after_deleting_deletes_nothing_more(backups: list[Backup], policy: RetentionPolicy) -> None:
    rest = after(backups, decide(backups, policy, NOW))
    assert deleted(decide(rest, policy, NOW)) == []


@given(histories, policies, st.integers(min_value=0, max_value=400))
@EXAMPLES
def test_what_may_go_now_may_go_later_too(backups: list[Backup], policy: RetentionPolicy, days: int) -> None:
    free = replace(policy, maximum_share=1)
    assert set(deleted(decide(backups, free, NOW))) <= set(deleted(decide(backups, free, NOW + days * DAY)))


@given(histories, policies)
@EXAMPLES
def test_a_run_that_was_cut_short_goes_on_to_the_same_end(backups: list[Backup], policy: RetentionPolicy) -> None:
    decisions = decide(backups, policy, NOW)
    half = [one for position, one in enumerate(decisions) if one.action is Action.KEEP or position % 2]
    rest = after(backups, half)
    assert set(deleted(half)) | set(deleted(decide(rest, policy, NOW))) == set(deleted(decisions))


# --- what each rule does ------------------------------------------------------------------------------------------------


def test_verified_backups_older_than_the_policy_go_and_the_newest_stay() -> None:
    backups = [backup(age * DAY) for age in (0, 10, 29, 31, 40)]
    decisions = decide(backups, RetentionPolicy(), NOW)
    assert [one.action for one in decisions] == [Action.KEEP] * 3 + [Action.DELETE] * 2
    assert decisions[-1].rule is Rule.EXPIRED
    assert decisions[-1].reason == "older than 30 d, verified, and 20260615_123000 is verified"
    assert decisions[-1].age == 40 * DAY - timedelta(minutes=1)


def test_the_newest_verified_stay_however_old_they_are() -> None:
    backups = [backup(age * DAY) for age in (400, 401, 402, 403)]
    assert rules(decide(backups, RetentionPolicy(), NOW)) == [Rule.NEWEST_VERIFIED] * 3 + [Rule.EXPIRED]


@pytest.mark.parametrize("bad", [1, 3, 10])
def test_when_the_newest_backups_are_all_rejected_the_last_good_one_stays_and_pruning_waits(bad: int) -> None:
    backups = [backup(age * DAY, State.REJECTED) for age in range(40, 40 + bad)] + [backup(100 * DAY), backup(200 * DAY)]
    decisions = decide(backups, KEEP_ONE, NOW)
    assert set(rules(decisions)) == {Rule.HELD}
    assert "rejected" in decisions[0].reason


def test_a_suspect_backup_holds_pruning_until_a_newer_one_is_verified() -> None:
    old = [backup(40 * DAY), backup(50 * DAY)]
    held = decide([backup(DAY, State.SUSPECT), *old], KEEP_ONE, NOW)
    assert set(rules(held)) == {Rule.HELD}
    assert "until a person decides" in held[0].reason
    assert len(deleted(decide([backup(timedelta(0)), backup(DAY, State.SUSPECT), *old], KEEP_ONE, NOW))) == 2


def test_a_suspect_backup_that_a_person_accepted_counts_as_verified() -> None:
    suspect = backup(DAY, State.SUSPECT)
    accepted = replace(suspect, recorded_at={**suspect.recorded_at, RecordName.VERIFIED: NOW})
    assert rules(decide([accepted, backup(40 * DAY)], KEEP_ONE, NOW)) == [Rule.NEWEST_VERIFIED, Rule.EXPIRED]


def test_without_a_verified_backup_nothing_goes() -> None:
    decisions = decide([backup(age * DAY, State.STORED) for age in (40, 50, 60)], KEEP_ONE, NOW)
    assert set(rules(decisions)) == {Rule.HELD}
    assert "no backup of it is verified" in decisions[0].reason


def test_rejected_and_unjudged_backups_go_when_they_are_old_and_a_newer_one_is_verified() -> None:
    backups = [backup(DAY), backup(40 * DAY, State.REJECTED), backup(41 * DAY, State.STORED), backup(2 * DAY, State.REJECTED)]
    assert rules(decide(backups, KEEP_ONE, NOW)) == [Rule.NEWEST_VERIFIED, Rule.YOUNG, Rule.EXPIRED, Rule.EXPIRED]


def test_an_unjudged_backup_newer_than_the_newest_verified_one_stays() -> None:
    backups = [backup(40 * DAY, State.STORED), backup(41 * DAY)]
    assert rules(decide(backups, KEEP_ONE, NOW)) == [Rule.NEWER_THAN_VERIFIED, Rule.NEWEST_VERIFIED]


def test_age_counts_from_the_younger_of_slot_and_record() -> None:
    late = backup(40 * DAY, stored_late=39 * DAY)
    assert rules(decide([backup(timedelta(hours=1)), late], KEEP_ONE, NOW)) == [Rule.NEWEST_VERIFIED, Rule.YOUNG]


def test_a_pinned_backup_stays_for_ever() -> None:
    backups = [backup(DAY), backup(4000 * DAY, pinned=True)]
    assert rules(decide(backups, KEEP_ONE, NOW)) == [Rule.NEWEST_VERIFIED, Rule.PINNED]


def test_a_backup_without_its_stored_record_stays() -> None:
    old = backup(90 * DAY)
    stripped = replace(old, recorded_at={RecordName.VERIFIED: old.recorded_at[RecordName.VERIFIED]})
    assert rules(decide([backup(DAY), stripped], KEEP_ONE, NOW)) == [Rule.NEWEST_VERIFIED, Rule.UNRECORDED]


@pytest.mark.parametrize("skew", [timedelta(hours=1), 40 * DAY, 3650 * DAY])
def test_a_slot_in_the_future_holds_everything(skew: timedelta) -> None:
    decisions = decide([backup(-skew), backup(DAY), backup(90 * DAY)], KEEP_ONE, NOW)
    assert set(rules(decisions)) == {Rule.HELD}
    assert "in the future" in decisions[0].reason


def test_a_clock_that_is_years_behind_deletes_nothing() -> None:
    backups = [backup(age * DAY) for age in (0, 31, 60)]
    assert deleted(decide(backups, KEEP_ONE, NOW - 3650 * DAY)) == []


def test_a_clock_that_is_years_ahead_still_leaves_the_newest_verified() -> None:
    backups = [backup(age * DAY) for age in range(10)]
    decisions = decide(backups, RetentionPolicy(maximum_share=1), NOW + 3650 * DAY)
    assert rules(decisions)[:3] == [Rule.NEWEST_VERIFIED] * 3
    assert deleted(decide(backups, RetentionPolicy(), NOW + 3650 * DAY)) == []


def test_a_run_that_would_delete_more_than_its_share_is_refused_whole() -> None:
    decisions = decide([backup(age * DAY) for age in (1, 40, 41)], KEEP_ONE_HALF, NOW)
    assert rules(decisions) == [Rule.NEWEST_VERIFIED, Rule.MAXIMUM_SHARE, Rule.MAXIMUM_SHARE]
    assert "2 of 3" in decisions[1].reason
    assert "retention.maximum_share" in decisions[1].reason


def test_a_single_deletion_is_within_every_share() -> None:
    policy = RetentionPolicy(keep_last=1, maximum_share=0.01)
    assert rules(decide([backup(DAY), backup(40 * DAY)], policy, NOW)) == [Rule.NEWEST_VERIFIED, Rule.EXPIRED]


def test_thinning_keeps_the_newest_of_each_span_and_nothing_else_that_is_verified() -> None:
    backups = [backup(timedelta(hours=hours)) for hours in range(72)]
    policy = RetentionPolicy(keep_last=1, hourly=6, daily=3, maximum_share=1)
    kept = [one.key.slot.text for one in decide(backups, policy, NOW) if one.action is Action.KEEP]
    assert kept == [f"20260615_{hour:02d}3000" for hour in range(12, 6, -1)] + ["20260614_233000", "20260613_233000"]


def test_thinning_keeps_months_beyond_the_age_and_spares_what_is_not_verified() -> None:
    backups = [backup(age * DAY) for age in range(0, 200, 5)] + [
        backup(timedelta(hours=7), State.STORED, stored_late=timedelta(0))
    ]
    policy = RetentionPolicy(keep_last=1, monthly=4, maximum_share=1)
    decisions = decide(backups, policy, NOW)
    kept = {one.key.slot.text[:8]: one.rule for one in decisions if one.action is Action.KEEP}
    assert kept == {
        "20260615": Rule.YOUNG,
        "20260531": Rule.BUCKET,
        "20260426": Rule.BUCKET,
        "20260327": Rule.BUCKET,
    }


def test_spans_without_a_backup_do_not_use_up_thinning() -> None:
    backups = [backup(age * DAY) for age in (0, 100, 200, 300)]
    policy = RetentionPolicy(keep_last=1, monthly=3, maximum_share=1)
    assert rules(decide(backups, policy, NOW)) == [Rule.NEWEST_VERIFIED, Rule.BUCKET, Rule.BUCKET, Rule.EXPIRED]


def test_pruned_backups_are_not_decided_on_again() -> None:
    gone = backup(40 * DAY)
    pruned = replace(gone, recorded_at={**gone.recorded_at, RecordName.PRUNED: NOW - DAY})
    assert [one.key for one in decide([backup(DAY), pruned], KEEP_ONE, NOW)] == [backup(DAY).key]


def test_nothing_gives_nothing() -> None:
    assert decide([], RetentionPolicy(), NOW) == []


def test_two_artifacts_at_once_are_refused() -> None:
    other = Backup(
        BackupKey(ArtifactId("server_002", Kind.DATABASE, "database"), Slot(backup(DAY).key.slot.at), Compression.ZSTD), {}
    )
    with pytest.raises(InvalidInputError, match="more than one artifact"):
        decide([backup(DAY), other], RetentionPolicy(), NOW)
