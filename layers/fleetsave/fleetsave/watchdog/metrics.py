"""What a look publishes as metrics; none of them has dimensions, so their number does not grow with the fleet."""

from collections import Counter
from collections.abc import Iterator, Mapping

from fleetsave.model.watch import ArtifactWatch, ProblemKind, WatchReport

NEVER = 1000.0
"""The ratio of an artifact without any verified backup: far above every threshold, and still a number."""

_COUNTED = {
    "CapturesMissing": ProblemKind.NOT_CAPTURED,
    "VerificationsMissing": ProblemKind.NOT_VERIFIED,
    "ArtifactsUnsafe": ProblemKind.TOO_OLD,
    "ObjectsWithoutRecord": ProblemKind.OBJECT_WITHOUT_RECORD,
    "RecordsWithoutObject": ProblemKind.RECORD_WITHOUT_OBJECT,
    "StaleUploads": ProblemKind.STALE_UPLOAD,
    "Unreadable": ProblemKind.UNREADABLE,
    "FleetFileWrong": ProblemKind.FLEET_FILE,
    "ArtifactsGrowing": ProblemKind.GROWING,
    "ArtifactsNotPruned": ProblemKind.NOT_PRUNED,
    "ArtifactsNotInFleet": ProblemKind.NOT_IN_FLEET,
    "SchedulesStopped": ProblemKind.SCHEDULE_STOPPED,
}


def metrics_of(report: WatchReport) -> dict[str, float]:
    """Return every metric of a look by its name; a look at nothing has the worst ratio, for it proves nothing."""
    kinds = Counter(problem.kind for problem in report.problems)
    return {
        "OldestBackupRatio": max((_ratio(one, one.newest_verified_age_seconds) for one in report.artifacts), default=NEVER),
        "WorstWindowRatio": max((_ratio(one, one.worst_window_seconds) for one in report.artifacts), default=NEVER),
        "ArtifactsWatched": len(report.artifacts),
        **{name: kinds[kind] for name, kind in _COUNTED.items()},
        **dict(_named(report.did)),
        **dict(_named(report.figures)),
    }


def _ratio(artifact: ArtifactWatch, seconds: float | None) -> float:
    return NEVER if seconds is None else min(seconds / artifact.target_seconds, NEVER)


def _named(values: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        yield "".join(word.capitalize() for word in name.split("_")), value
