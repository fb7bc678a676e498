"""A look becomes numbers that do not grow with the fleet, and nothing proven is the worst of them."""

from datetime import UTC, datetime

from fleetsave.model.watch import ArtifactWatch, Problem, ProblemKind, WatchReport
from fleetsave.watchdog.metrics import NEVER, metrics_of

NOW = datetime(2024, 1, 2, 3, 20, tzinfo=UTC)


def artifact(age: float | None, *, worst: float | None = 0) -> ArtifactWatch:
    return ArtifactWatch("server_001/database/world", 7200, None if age is None else "key", age, worst)


def report(*artifacts: ArtifactWatch, problems: list[Problem] | None = None, **did: int) -> WatchReport:
    return WatchReport(NOW, list(artifacts), problems or [], did)


def test_the_ratio_is_that_of_the_oldest_artifact() -> None:
    metrics = metrics_of(report(artifact(3600), artifact(9000, worst=14400)))
    assert (metrics["OldestBackupRatio"], metrics["WorstWindowRatio"], metrics["ArtifactsWatched"]) == (1.25, 2, 2)


def test_an_artifact_that_was_never_verified_counts_as_far_too_old() -> None:
    metrics = metrics_of(report(artifact(60), artifact(None, worst=None)))
    assert metrics["OldestBackupRatio"] == metrics["WorstWindowRatio"] == NEVER


def test_a_look_that_saw_no_artifact_is_no_good_sign() -> None:
    assert metrics_of(report())["OldestBackupRatio"] == NEVER


def test_problems_are_counted_by_kind_and_remedies_under_their_names() -> None:
    problems = [Problem(ProblemKind.TOO_OLD, "old", NOW, "fleetsave status", artifact=name) for name in ("a", "b")]
    metrics = metrics_of(report(artifact(1), problems=problems, captures_requeued=3))
    assert (metrics["ArtifactsUnsafe"], metrics["CapturesMissing"], metrics["CapturesRequeued"]) == (2, 0, 3)


def test_what_was_measured_is_published_under_its_name() -> None:
    looked = WatchReport(NOW, [], [], figures={"clock_offset_seconds": -2.0, "stored_bytes": 7.0})
    metrics = metrics_of(looked)
    assert (metrics["ClockOffsetSeconds"], metrics["StoredBytes"]) == (-2.0, 7.0)
