"""What only the whole history of a place shows: growth, what prune has left, and which backups are to be read again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from fleetsave.catalog.histories import History
from fleetsave.model.due import reread_due
from fleetsave.model.durations import spell
from fleetsave.model.exposure import newest_verified
from fleetsave.model.growth import growth
from fleetsave.model.history import Backup, State
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.retention import Action, decide
from fleetsave.model.watch import Problem, ProblemKind
from fleetsave.watchdog import problems
from fleetsave.watchdog.listed import Listed
from fleetsave.watchdog.look import Look, Seen

LATE = timedelta(days=3)
"""Prune runs daily: what stays so long after its time was not let go, or nothing was."""

_DAY = timedelta(days=1)


def look_at_whole(history: History, listed: Listed, look: Look, seen: Seen) -> Iterator[Problem]:
    """Yield what is wrong with the artifacts of a place in the long run, and have read again what is due."""
    sizes = listed.sizes()
    for artifact_id, backups in history.backups.items():
        if artifact_id.is_safety:
            continue
        own = sizes.get(artifact_id, {})
        yield from _growing(artifact_id, backups, own, look)
        yield from _not_pruned(artifact_id, backups, own, look)
        turn = look.turns.get(artifact_id.server_id)
        if turn is not None and look.ports.reread is not None:
            verified = [backup.key for backup in backups if backup.state is State.VERIFIED and backup.key in own]
            seen.remedies.rereads |= {key for key in verified if reread_due(key, *turn, look.ports.reread)}


def _growing(
    artifact_id: ArtifactId, backups: Sequence[Backup], sizes: Mapping[BackupKey, int], look: Look
) -> Iterator[Problem]:  # fmt: skip
    grown = growth(sizes, backups, look.now)
    if grown is not None and grown.is_unusual:
        what = f"{_gib(grown.last_day)} were stored of the last day's slots, against {_gib(grown.usual_day)} of a usual day"
        yield problems.of_artifact(
            ProblemKind.GROWING, artifact_id, what, look.now - _DAY, problems.list_of(artifact_id),
            good=newest_verified(backups, look.now),
        )  # fmt: skip


def _not_pruned(
    artifact_id: ArtifactId, backups: Sequence[Backup], sizes: Mapping[BackupKey, int], look: Look
) -> Iterator[Problem]:  # fmt: skip
    """Ask the rules of prune what should have gone long ago; what they hold back is not late."""
    server_id = artifact_id.server_id
    fleet = look.fleet_of(server_id)
    policy = fleet.retention(artifact_id, look.ports.default_keep_for) if fleet else None
    if policy is None:
        return
    half_pruned = {backup.key for backup in backups if backup.state is State.PRUNED and backup.key in sizes}
    there = [_without_mark(backup) if backup.key in half_pruned else backup for backup in backups]
    missing = {backup.key for backup in there if backup.state is not State.PRUNED and backup.key not in sizes}
    recovery_id = look.recovering.needed.get(server_id)
    recovering = f"recovery {recovery_id} is not finished" if recovery_id else None
    decisions = decide(there, policy, look.now, missing=missing, half_pruned=half_pruned, recovering=recovering)
    late = [one for one in decisions if one.action is Action.DELETE and one.age > policy.keep_for + LATE]
    if late:
        oldest = max(one.age for one in late)
        what = f"backups of it that are kept for {spell(policy.keep_for)} are up to {spell(oldest)} old: {len(late)} of them"
        yield problems.of_artifact(
            ProblemKind.NOT_PRUNED, artifact_id, what, look.now - oldest + policy.keep_for,
            f"fleetsave prune --server {server_id}", good=newest_verified(backups, look.now),
        )  # fmt: skip


def _without_mark(backup: Backup) -> Backup:
    """Return a backup whose data is there as prune sees it: its mark was left by a run that was cut short, or was refused."""
    return replace(backup, recorded_at={name: at for name, at in backup.recorded_at.items() if name is not RecordName.PRUNED})


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
