from datetime import UTC, datetime, timedelta

import pytest

from fleetsave.model.watch import ArtifactWatch, ProblemKind
from fleetsave.notices.digest import digest_is_due, is_safe, summary, weekly
from fleetsave.notices.notice import Severity
from fleetsave.notices.told import Known, Told
from tests.fixtures.looks import START, make_problem, make_report, make_watch

MONDAY = datetime(2024, 2, 5, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        (None, START, True),
        (START, MONDAY - timedelta(minutes=1), False),
        (START, MONDAY, True),
        (MONDAY, MONDAY + timedelta(minutes=15), False),
        (MONDAY, MONDAY + timedelta(days=7), True),
        (START, MONDAY + timedelta(days=3), True),
        (MONDAY + timedelta(days=3), MONDAY + timedelta(days=6), False),
    ],
)
def test_it_is_due_once_after_each_monday_morning(last: datetime | None, now: datetime, due: bool) -> None:
    assert digest_is_due(last, now) is due


@pytest.mark.parametrize(("age", "safe"), [(7200, True), (7201, False), (None, False)])
def test_safe_is_what_has_a_verified_backup_within_its_target(age: float | None, safe: bool) -> None:
    assert is_safe(make_watch(age=age)) is safe


def test_it_says_what_is_watched_what_is_oldest_and_the_worst_windows() -> None:
    artifacts = [make_watch(), make_watch("server_002", age=9000, window=20_000), make_watch("server_003", window=None)]
    notice = weekly(Told(digest_at=START), make_report(artifacts=artifacts), START)
    assert notice.severity is Severity.INFO
    assert notice.body.splitlines()[:5] == [
        "artifacts: 2 of 3 artifacts within target",
        "oldest: server_002/database/database, 2 h 30 min of 2 h",
        "worst windows of 30 days:",
        "   server_002/database/database: 5 h 33 min of 2 h",
        "   server_001/database/database: 1 h 6 min of 2 h",
    ]


def test_what_was_never_verified_is_the_oldest_of_all() -> None:
    artifacts = [make_watch(age=10_000_000), make_watch("server_002", age=None)]
    assert "oldest: server_002/database/database, never verified" in weekly(Told(), make_report(artifacts=artifacts), START).body


def test_slots_without_a_backup_are_counted() -> None:
    missed = ArtifactWatch("server_001/database/database", 7200, None, None, None, missed_slots=3)
    assert "slots of 30 days without a backup: 3" in weekly(Told(), make_report(artifacts=[missed]), START).body


def test_a_fleet_of_nothing_is_told_as_such() -> None:
    notice = weekly(Told(), make_report(artifacts=[]), START)
    assert notice.subject == "[INFO] weekly: 0 of 0 artifacts within target, nothing is open"


def test_open_trouble_decides_the_severity_and_is_listed() -> None:
    problem = make_problem(ProblemKind.GROWING)
    notice = summary(Told(known={problem.identity: Known(problem, START)}), make_report(), START, "this channel is new")
    assert notice.subject == "[WARNING] summary: 1 of 1 artifact within target, 1 problem open"
    assert "this channel is new" in notice.body
    assert "1. server_001/database/database: far more bytes than before" in notice.body


def test_what_is_over_is_not_open() -> None:
    problem = make_problem()
    over = Told(known={problem.identity: Known(problem, START, START, 1, over_at=START)})
    assert "still open: nothing" in weekly(over, make_report(), START).body
