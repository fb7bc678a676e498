"""What may be deleted: a pure function of one artifact's backups, its policy, and the time.

Whatever the policy says, these are never deleted:
- a pinned backup, and one whose `stored.json` is not listed;
- the `keep_last` newest verified backups that can be recovered, whatever their age, and everything newer than the newest of them;
- anything of a server while a recovery of it, or from its backups, is not finished;
- anything, if no backup is verified, if the newest judged one is suspect or rejected, or if a slot or a record lies in
  the future: then either the data or the clock is not to be trusted, and a person decides;
- anything, if more than `maximum_share` of the artifact's backups would go at once. A single deletion is always allowed,
  so that an artifact with few backups is pruned too; it never is the last verified one.

Backups made before a recovery differ in one thing: a bad one among them is what the recovery was for, and holds nothing.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from fleetsave.model.durations import spell
from fleetsave.model.errors import InvalidInputError
from fleetsave.model.history import Backup, State
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.policy import RetentionPolicy

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far two clocks may be apart before no deletion is decided by them."""


class Action(StrEnum):
    """What is to happen to a backup's data; its records stay for ever."""

    KEEP = "keep"
    DELETE = "delete"


class Rule(StrEnum):
    """The rule that decided, as a stable word for machines; the first that applies, in this order."""

    NOT_IN_FLEET = "not_in_fleet"
    MISSING = "missing"
    HELD = "held"
    RECOVERING = "recovering"
    NEWEST_VERIFIED = "newest_verified"
    NEWER_THAN_VERIFIED = "newer_than_verified"
    PINNED = "pinned"
    UNRECORDED = "unrecorded"
    BUCKET = "bucket"
    YOUNG = "young"
    THINNED = "thinned"
    EXPIRED = "expired"
    MAXIMUM_SHARE = "maximum_share"
    CHANGED = "changed_since_listed"


@dataclass(frozen=True)
class Decision:
    """What is to happen to one backup and why; `age` counts from the later of its slot and the writing of `stored.json`."""

    key: BackupKey
    action: Action
    rule: Rule
    reason: str
    age: timedelta


def decide(
    backups: Sequence[Backup],
    policy: RetentionPolicy,
    now: datetime,
    *,
    missing: Set[BackupKey] = frozenset(),
    half_pruned: Set[BackupKey] = frozenset(),
    recovering: str | None = None,
) -> list[Decision]:
    """Decide on each backup of one artifact that is not pruned, newest first.

    `backups` holds every backup of the artifact once, in any order. `missing` names those whose data the store does not
    have: they are kept, and prove nothing for the others. `half_pruned` names those that are marked as pruned and have data,
    given without the mark: nobody can recover one, so they prove nothing for the others either; they go if they would go
    without the mark. `recovering` says which recovery forbids deleting, None if none does. Raise InvalidInputError if there is
    more than one artifact.
    """
    artifacts = {backup.key.artifact_id for backup in backups}
    if len(artifacts) > 1:
        raise InvalidInputError("decide retention", str(min(artifacts)), "more than one artifact", "Decide on one at a time.")
    existing = sorted((b for b in backups if b.state is not State.PRUNED), key=lambda b: b.key, reverse=True)
    verified = [backup.key for backup in existing if backup.state is State.VERIFIED and backup.key not in missing]
    recoverable = [key for key in verified if key not in half_pruned]
    hold = _hold(backups, recoverable, now)
    judge = _Judge(policy, now, recoverable, missing, hold, recovering)
    judge_of_marked = _Judge(policy, now, verified, missing, hold, recovering)
    decisions = []
    for backup in existing:
        decision = judge.decide(backup)
        if decision.action is Action.DELETE and backup.key in half_pruned:
            decision = judge_of_marked.decide(backup)
        decisions.append(decision)
    return _limit_share(decisions, policy)


def age_of(backup: Backup, now: datetime) -> timedelta:
    """Return a backup's age by the later of its slot and the time its `stored.json` was written: never older than it is."""
    return now - max(backup.key.slot.at, backup.recorded_at.get(RecordName.STORED, backup.key.slot.at))


class _Judge:
    """The rules, in their order, for one artifact; `verified` holds the keys of its verified backups, newest first."""

    def __init__(
        self,
        policy: RetentionPolicy,
        now: datetime,
        verified: list[BackupKey],
        missing: Set[BackupKey],
        hold: str | None,
        recovering: str | None,
    ) -> None:
        self._policy = policy
        self._now = now
        self._newest = verified[: policy.keep_last]
        self._missing = missing
        self._hold = hold
        self._recovering = recovering
        self._buckets = _buckets(verified, policy)
        self._thins = any((policy.hourly, policy.daily, policy.weekly, policy.monthly))

    def decide(self, backup: Backup) -> Decision:
        """Return the first rule's decision."""
        age = age_of(backup, self._now)
        rule, reason = self._held(backup) or self._kept(backup) or self._by_age(backup, age)
        action = Action.DELETE if rule in (Rule.EXPIRED, Rule.THINNED) else Action.KEEP
        return Decision(backup.key, action, rule, reason, age)

    def _held(self, backup: Backup) -> tuple[Rule, str] | None:
        """Return why nothing is to be decided on a backup now, if that is so; what needs a person goes first."""
        if backup.key in self._missing:
            return Rule.MISSING, "its data is not in the store, though no record says it was pruned: find out who deleted it"
        if self._hold:
            return Rule.HELD, self._hold
        if self._recovering:
            return Rule.RECOVERING, self._recovering
        return None

    def _kept(self, backup: Backup) -> tuple[Rule, str] | None:
        """Return why a backup is kept whatever its age, if it is."""
        if backup.key in self._newest:
            position = self._newest.index(backup.key) + 1
            return Rule.NEWEST_VERIFIED, f"verified backup {position} of the {self._policy.keep_last} newest that always stay"
        if not self._newest:
            return Rule.NEWER_THAN_VERIFIED, "no backup of it is verified"
        if backup.key > self._newest[0]:
            return Rule.NEWER_THAN_VERIFIED, "it is newer than the newest verified backup"
        if backup.is_pinned:
            return Rule.PINNED, "a person has pinned it"
        return None

    def _by_age(self, backup: Backup, age: timedelta) -> tuple[Rule, str]:
        keep_for = spell(self._policy.keep_for)
        if RecordName.STORED not in backup.recorded_at:
            return Rule.UNRECORDED, "it has no stored.json, so its age is not known"
        if backup.key in self._buckets:
            return Rule.BUCKET, f"the newest verified backup of its {self._buckets[backup.key]}"
        if age > self._policy.keep_for:
            return Rule.EXPIRED, f"older than {keep_for}, {backup.state}, and {self._newest[0].slot.text} is verified"
        if self._thins and backup.state is State.VERIFIED:
            return Rule.THINNED, "thinned out: a newer verified backup stands for its hour, day, week and month, as configured"
        return Rule.YOUNG, f"not older than {keep_for}"


_JUDGED = (State.VERIFIED, State.SUSPECT, State.INCONCLUSIVE, State.REJECTED)


def _hold(backups: Sequence[Backup], recoverable: Sequence[BackupKey], now: datetime) -> str | None:
    """Return why nothing of an artifact may be deleted, if that is so."""
    latest = max((moment for b in backups for moment in (b.key.slot.at, *b.recorded_at.values())), default=now)
    if latest > now + CLOCK_TOLERANCE:
        return f"a slot or record lies in the future ({latest:%Y-%m-%d %H:%M:%S} UTC): a clock was or is wrong"
    if all(backup.key.artifact_id.is_safety for backup in backups):
        return None
    judged = [backup for backup in backups if backup.state in _JUDGED]
    newest = max(judged, key=lambda backup: backup.key, default=None)
    if newest is not None and newest.state in (State.SUSPECT, State.INCONCLUSIVE):
        article = "an" if newest.state is State.INCONCLUSIVE else "a"
        return f"{article} {newest.state} backup holds pruning until a person decides (fleetsave verify --accept): {newest.key}"
    if newest is not None and newest.state is State.REJECTED:
        return f"the newest judged backup was rejected, which holds pruning until a newer one is verified: {newest.key}"
    if not recoverable:
        return "no backup of it is verified"
    return None


def _limit_share(decisions: list[Decision], policy: RetentionPolicy) -> list[Decision]:
    deletions = sum(decision.action is Action.DELETE for decision in decisions)
    existing = sum(decision.rule is not Rule.MISSING for decision in decisions)
    if deletions <= 1 or deletions / existing <= policy.maximum_share:
        return decisions
    reason = (
        f"refused: {deletions} of {existing} backups would go, more than the share of {policy.maximum_share:g} allowed in one "
        "run; if that is right, raise retention.maximum_share of this artifact in the fleet file for one run"
    )
    return [
        replace(d, action=Action.KEEP, rule=Rule.MAXIMUM_SHARE, reason=reason) if d.action is Action.DELETE else d
        for d in decisions
    ]


def _buckets(verified: Sequence[BackupKey], policy: RetentionPolicy) -> dict[BackupKey, str]:
    """Return the verified backups that thinning keeps, each with the name of the longest span it stands for.

    Each rule alone goes through the spans that have a backup, newest first, and keeps the newest of each until it has
    kept as many as it may; spans without a backup do not count, so an outage does not use them up.
    """
    kept: dict[BackupKey, str] = {}
    for name, count, span_of in (
        ("hour", policy.hourly, _hour_of),
        ("day", policy.daily, _day_of),
        ("week", policy.weekly, _week_of),
        ("month", policy.monthly, _month_of),
    ):
        newest_of_span: dict[tuple[int, ...], BackupKey] = {}
        for key in verified:
            newest_of_span.setdefault(span_of(key.slot.at), key)
        kept |= dict.fromkeys(list(newest_of_span.values())[:count], name)
    return kept


def _hour_of(moment: datetime) -> tuple[int, ...]:
    return (moment.year, moment.month, moment.day, moment.hour)


def _day_of(moment: datetime) -> tuple[int, ...]:
    return (moment.year, moment.month, moment.day)


def _week_of(moment: datetime) -> tuple[int, ...]:
    return tuple(moment.isocalendar()[:2])


def _month_of(moment: datetime) -> tuple[int, ...]:
    return (moment.year, moment.month)
