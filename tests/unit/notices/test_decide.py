from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fleetsave.model.watch import Problem, ProblemKind, WatchReport
from fleetsave.notices.decide import decide, without_memory
from fleetsave.notices.notice import Notice, Severity
from fleetsave.notices.told import Told
from tests.fixtures.looks import START, at_look, key_of, make_problem, make_report, make_watch

REMEMBERED = Told(digest_at=START)
SERVERS = [f"server_{number:03d}" for number in range(1, 13)]


def after(reports: Sequence[WatchReport], told: Told = REMEMBERED, *, first: int = 1) -> tuple[list[list[str]], Told]:
    """Return the subjects of the notices of each look, and what is remembered after the last."""
    subjects = []
    for number, report in enumerate(reports, first):
        notices, told = decide(told, report, at_look(number))
        subjects.append([notice.subject for notice in notices])
    return subjects, told


def trouble(*servers: str, kind: ProblemKind = ProblemKind.TOO_OLD) -> WatchReport:
    return make_report([make_problem(kind, server) for server in servers])


def test_a_problem_is_told_once() -> None:
    subjects, _ = after([trouble("server_001")] * 4)
    assert subjects == [["[CRITICAL] server_001: no verified backup that is new enough"], [], [], []]


def test_all_problems_of_a_server_come_in_one_notice() -> None:
    report = make_report([make_problem(), make_problem(ProblemKind.GROWING), make_problem(ProblemKind.SUSPECT)])
    subjects, _ = after([report])
    assert subjects == [["[CRITICAL] server_001: no verified backup that is new enough (+2 more)"]]


def test_servers_have_a_notice_each_and_the_fleet_its_own() -> None:
    report = make_report([make_problem(), make_problem(server_id="server_002"), make_problem(ProblemKind.FLEET_FILE, None)])
    subjects, _ = after([report])
    assert subjects == [
        [
            "[CRITICAL] server_001: no verified backup that is new enough",
            "[CRITICAL] server_002: no verified backup that is new enough",
            "[CRITICAL] the fleet: the fleet file is missing or wrong",
        ]
    ]


def test_a_storm_is_one_notice_with_its_common_cause() -> None:
    notices, _ = decide(REMEMBERED, trouble(*SERVERS), at_look(1))
    assert [notice.subject for notice in notices] == ["[CRITICAL] 12 servers: no verified backup that is new enough"]
    assert "12 problems began at 12 servers" in notices[0].body
    assert "common cause: no verified backup that is new enough" in notices[0].body
    assert ", ".join(SERVERS) in notices[0].body


def test_a_storm_that_comes_with_trouble_of_the_fleet_names_it_as_the_cause() -> None:
    stopped = make_problem(ProblemKind.SCHEDULE_STOPPED, None)
    problems = [make_problem(ProblemKind.TOO_OLD, server) for server in SERVERS]
    notices, _ = decide(REMEMBERED, make_report([*problems, stopped]), at_look(1))
    assert [notice.subject for notice in notices] == ["[CRITICAL] 12 servers: a schedule has stopped"]
    assert "1. the fleet: a schedule has stopped" in notices[0].body


def test_a_storm_of_several_kinds_says_so() -> None:
    kinds = [ProblemKind.TOO_OLD, ProblemKind.GROWING] * 6
    report = make_report([make_problem(kind, server) for kind, server in zip(kinds, SERVERS, strict=True)])
    subjects, _ = after([report])
    assert subjects == [["[CRITICAL] 12 servers: no verified backup that is new enough, and 1 other kind"]]


def test_a_storm_that_spreads_stays_one_notice_a_look() -> None:
    subjects, _ = after([trouble(*SERVERS[:count]) for count in (4, 8, 12)])
    assert [len(told) for told in subjects] == [4, 1, 1]


def test_a_storm_that_passes_is_one_notice() -> None:
    subjects, _ = after([trouble(*SERVERS), make_report(), make_report()])
    assert subjects[1:] == [[], ["[OK] 12 servers: trouble is over"]]


def test_recovered_says_how_long_it_lasted_and_what_is_newest_now() -> None:
    _, told = after([trouble("server_001"), make_report()])
    notices, _ = decide(told, make_report(artifacts=[make_watch(slot="20240201_120000")]), at_look(3))
    assert [notice.subject for notice in notices] == [
        "[OK] server_001: over after 1 h 30 min: no verified backup that is new enough"
    ]
    assert "from 2024-02-01 11:00 UTC to 2024-02-01 12:30 UTC" in notices[0].body
    assert f"newest verified now: {key_of('server_001', '20240201_120000')}" in notices[0].body


def test_over_says_so_if_something_else_of_the_server_is_not() -> None:
    left = make_report([make_problem(ProblemKind.GROWING)])
    both = make_report([make_problem(), make_problem(ProblemKind.GROWING), make_problem(server_id="server_002")])
    _, told = after([both, left])
    notices, _ = decide(told, left, at_look(3))
    assert [notice.subject for notice in notices] == [
        "[OK] server_001: over after 1 h 30 min, 1 still open: no verified backup tha...",
        "[OK] server_002: over after 1 h 30 min: no verified backup that is new enough",
    ]
    assert notices[0].body.endswith("still open there:\n   server_001/database/database: far more bytes than before")
    assert "still open" not in notices[1].body


def test_after_a_reminder_of_many_new_trouble_has_a_notice_each() -> None:
    _, told = after([trouble(*SERVERS)] * 97)
    subjects, _ = after([make_report([make_problem(ProblemKind.SUSPECT, server) for server in SERVERS[:2]])], told, first=98)
    assert [len(words) for words in subjects] == [2]


def test_what_left_the_fleet_file_is_not_called_recovered_without_a_word() -> None:
    _, told = after([trouble("server_001"), make_report(artifacts=[])])
    notices, _ = decide(told, make_report(artifacts=[]), at_look(3))
    assert "it is not watched any more" in notices[0].body


def test_what_a_look_could_not_see_is_not_over() -> None:
    blind = make_report([make_problem(ProblemKind.FLEET_FILE, None)], artifacts=[])
    subjects, _ = after([trouble("server_001"), *[blind] * 8, trouble("server_001")])
    assert [told for told in subjects if told] == [
        ["[CRITICAL] server_001: no verified backup that is new enough"],
        ["[CRITICAL] the fleet: the fleet file is missing or wrong"],
    ]


def test_open_trouble_is_told_again_after_a_day_and_then_weekly() -> None:
    day, days = 96, 20
    subjects, _ = after([trouble("server_001")] * (day * days))
    told = {number // day: words for number, words in enumerate(subjects) if words}
    assert list(told) == [0, 1, 3, 10, 17]
    assert told[1] == ["[CRITICAL] still open: 1 problem, the oldest for 1 d 1 h"]
    assert told[3] == ["[CRITICAL] weekly: 1 of 1 artifact within target, 1 problem open"]


def test_after_the_first_reminder_the_next_days_are_quiet() -> None:
    subjects, _ = after([trouble("server_001")] * (96 * 3))
    assert [words for words in subjects if words][1:] == [["[CRITICAL] still open: 1 problem, the oldest for 1 d 1 h"]]


def test_all_that_is_open_is_recalled_in_one_notice_a_day() -> None:
    reports = [trouble(*SERVERS[: 1 + number // 12]) for number in range(140)]
    subjects, _ = after(reports)
    recalled = [words for told in subjects for words in told if "still open" in words]
    assert len(recalled) == 1
    assert "problems" in recalled[0]


def test_the_weekly_notice_comes_on_monday_morning_even_if_all_is_well() -> None:
    subjects, told = after([make_report()] * (96 * 8))
    sent = [(at_look(number), words) for number, words in enumerate(subjects, 1) if words]
    assert sent == [(datetime(2024, 2, 5, 7, 0, tzinfo=UTC), ["[INFO] weekly: 1 of 1 artifact within target, nothing is open"])]
    assert told.digest_at == datetime(2024, 2, 5, 7, 0, tzinfo=UTC)


def test_a_weekly_notice_that_was_missed_is_made_up_for() -> None:
    notices, _ = decide(REMEMBERED, make_report(), START + timedelta(days=6))
    assert [notice.subject for notice in notices] == ["[INFO] weekly: 1 of 1 artifact within target, nothing is open"]


def test_the_weekly_notice_counts_what_ended_and_what_was_done() -> None:
    _, told = after(
        [make_report([make_problem(ProblemKind.NOT_CAPTURED)], did={"captures_requeued": 2}), make_report(), make_report()]
    )
    notices, told = decide(told, make_report(did={"captures_requeued": 1}), START + timedelta(days=5))
    assert "over since the last one: a backup was not taken (1)" in notices[0].body
    assert "done by the watchdog: 3 captures requeued" in notices[0].body
    assert (told.mended, told.did) == ({}, {})


def test_with_the_memory_lost_everything_open_comes_once_in_one_summary() -> None:
    report = make_report([make_problem(ProblemKind.NOT_CAPTURED), make_problem(ProblemKind.SUSPECT, "server_002")])
    notices, told = decide(Told(), report, START)
    assert [notice.subject for notice in notices] == ["[WARNING] summary: 1 of 1 artifact within target, 2 problems open"]
    assert "the memory of them was lost" in notices[0].body
    assert decide(told, report, at_look(1))[0] == []


def test_a_clock_that_was_far_ahead_silences_nothing_for_long() -> None:
    ahead = START + timedelta(days=4000)
    _, told = decide(REMEMBERED, trouble("server_001"), ahead)
    subjects, _ = after([trouble("server_001")] * 97, told)
    assert [words for words in subjects if words] == [["[CRITICAL] still open: 1 problem, the oldest for 1 d 1 h"]]


def test_what_is_handed_on_is_handed_on() -> None:
    told = replace(REMEMBERED, pinged={"server_001/database/database": "a key"})
    assert decide(told, trouble("server_001"), at_look(1))[1].pinged == told.pinged


@pytest.mark.parametrize(
    ("looks_since", "is_told"), [(0, False), (1, True), (2, True), (3, False), (4, True), (7, False), (8, True)]
)
def test_without_memory_trouble_is_told_ever_more_rarely(looks_since: int, is_told: bool) -> None:
    report = make_report([make_problem(since=START)])
    notices: list[Notice] = without_memory(report, at_look(looks_since))
    assert [notice.severity for notice in notices] == ([Severity.CRITICAL] if is_told else [])


def test_without_memory_and_without_trouble_nothing_is_told() -> None:
    problems: list[Problem] = []
    assert without_memory(make_report(problems), START) == []
