"""The weekly notice, sent even if all is well, so that silence is noticed; and the summary for who hears for the first time."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from fleetsave.model.durations import spell
from fleetsave.model.watch import ArtifactWatch, WatchReport
from fleetsave.notices.messages import open_problems
from fleetsave.notices.notice import Notice, Severity
from fleetsave.notices.told import Told
from fleetsave.notices.words import GISTS, LOOK, count, make_notice, plain, severity_of, shorten

WEEKDAY = 0
HOUR = 7
"""Mondays at 07:00 UTC by the store's clock."""

_WORST = 3
_ROOM_FOR_PROBLEMS = 1_900
_LONGEST_ARTIFACT = 130


def digest_is_due(digest_at: datetime | None, now: datetime) -> bool:
    """Tell whether a Monday morning has come since the last weekly notice."""
    return digest_at is None or digest_at < _newest_monday(now)


def _newest_monday(now: datetime) -> datetime:
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = midnight - timedelta(days=(midnight.weekday() - WEEKDAY) % 7) + timedelta(hours=HOUR)
    return monday if monday <= now else monday - timedelta(days=7)


def weekly(told: Told, report: WatchReport, now: datetime) -> Notice:
    """Return the weekly notice."""
    return _overview(told, report, now, "weekly", _week(told))


def summary(told: Told, report: WatchReport, now: datetime, why: str) -> Notice:
    """Return everything as it stands, for a channel that was told of nothing before; `why` says so in a sentence."""
    return _overview(told, report, now, "summary", [why])


def _overview(told: Told, report: WatchReport, now: datetime, title: str, more: Sequence[str]) -> Notice:
    problems = [one.problem for one in told.open()]
    safe = sum(is_safe(one) for one in report.artifacts)
    safely = f"{safe:,} of {count(len(report.artifacts), 'artifact')} within target"
    gist = f"{title}: {safely}, {count(len(problems), 'problem')} open" if problems else f"{title}: {safely}, nothing is open"
    lines = [f"artifacts: {safely}", *_oldest(report.artifacts), *_windows(report.artifacts), *_missed(report.artifacts), *more]
    still = f"still open:\n\n{open_problems(problems, now, room=_ROOM_FOR_PROBLEMS)}" if problems else "still open: nothing"
    severity = severity_of(problems) if problems else Severity.INFO
    return make_notice(severity, gist, "\n".join([*lines, "", still, "", f"next: {LOOK}"]))


def is_safe(watch: ArtifactWatch) -> bool:
    """Tell whether the newest verified backup of an artifact is within its target."""
    age = watch.newest_verified_age_seconds
    return watch.newest_verified_key is not None and age is not None and age <= watch.target_seconds


def _oldest(artifacts: Sequence[ArtifactWatch]) -> list[str]:
    """Return the artifact whose newest verified backup is the oldest beside its target; one without any before all."""
    if not artifacts:
        return []
    watch = max(artifacts, key=lambda one: (_ratio(one.newest_verified_age_seconds, one), one.artifact))
    age = watch.newest_verified_age_seconds
    words = "never verified" if age is None else f"{_spell(age)} of {_spell(watch.target_seconds)}"
    return [f"oldest: {_name(watch)}, {words}"]


def _windows(artifacts: Sequence[ArtifactWatch]) -> list[str]:
    known = [one for one in artifacts if one.worst_window_seconds is not None]
    worst = sorted(known, key=lambda one: (-_ratio(one.worst_window_seconds, one), one.artifact))[:_WORST]
    lines = [f"   {_name(one)}: {_spell(one.worst_window_seconds or 0)} of {_spell(one.target_seconds)}" for one in worst]
    return ["worst windows of 30 days:", *lines] if lines else []


def _missed(artifacts: Sequence[ArtifactWatch]) -> list[str]:
    missed = sum(one.missed_slots for one in artifacts)
    return [f"slots of 30 days without a backup: {missed:,}"] if missed else []


def _ratio(seconds: float | None, watch: ArtifactWatch) -> float:
    return float("inf") if seconds is None else seconds / max(watch.target_seconds, 1)


def _week(told: Told) -> list[str]:
    ended = [f"{gist} ({number:,})" for gist, number in _by_kind(told.mended)]
    did = [f"{number:,} {plain(name).replace('_', ' ')}" for name, number in sorted(told.did.items()) if number]
    return [f"over since the last one: {'; '.join(ended) or 'nothing'}", f"done by the watchdog: {', '.join(did) or 'nothing'}"]


def _by_kind(mended: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(gist, mended[kind]) for kind, gist in GISTS.items() if mended.get(kind)]


def _name(watch: ArtifactWatch) -> str:
    return shorten(plain(watch.artifact), _LONGEST_ARTIFACT)


def _spell(seconds: float) -> str:
    return spell(timedelta(seconds=int(seconds)))
