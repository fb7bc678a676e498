from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.watch import Problem, ProblemKind
from fleetsave.notices import words
from fleetsave.notices.notice import Severity
from tests.fixtures.looks import START, artifact_of, key_of, make_problem

TEXTS = st.text(max_size=600)


def test_an_entry_says_of_what_what_since_when_the_last_good_copy_and_the_next_command() -> None:
    assert words.entry(1, make_problem(), START + timedelta(minutes=15)).splitlines() == [
        "1. server_001/database/database: no verified backup that is new enough",
        "   what: the newest verified backup is 3 h old, and may be 2 h",
        "   since: 2024-02-01 11:00 UTC (1 h 15 min ago)",
        "   last good copy: servers/server_001/database/server_001_20240201_100000_database.db.zst (of 2024-02-01 10:00 UTC)",
        "   next: fleetsave status --server server_001",
    ]


def test_an_entry_about_an_object_names_it() -> None:
    alien = make_problem(ProblemKind.UNREADABLE, key="servers/server_001/holiday.jpg", of_artifact=False)
    lines = words.entry(2, alien, START).splitlines()
    assert lines[:2] == ["2. server_001: something cannot be read", "   object: servers/server_001/holiday.jpg"]
    assert "   last good copy: one of each artifact; fleetsave watch lists them" in lines


def test_an_artifact_that_was_never_verified_has_no_good_copy() -> None:
    problem = Problem(ProblemKind.TOO_OLD, "there is none", START, "look", "server_001", artifact_of("server_001"))
    assert "   last good copy: none" in words.entry(1, problem, START).splitlines()


def test_a_part_of_the_fleet_is_named() -> None:
    stopped = Problem(ProblemKind.SCHEDULE_STOPPED, "nothing was captured", START, "look", part="database")
    assert words.named(stopped) == "the fleet, database"


def test_every_kind_has_a_gist_that_leaves_room_in_a_subject() -> None:
    assert set(words.GISTS) == set(ProblemKind)
    assert max(len(gist) for gist in words.GISTS.values()) <= 40


@given(TEXTS, TEXTS, TEXTS)
def test_nothing_that_a_server_said_can_break_a_line_or_steer_a_screen(what: str, server_id: str, key: str) -> None:
    problem = Problem(ProblemKind.UNREADABLE, what, START, "look", server_id or "x", key=key or "x")
    lines = words.entry(1, problem, START).splitlines()
    assert len(lines) == 6
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("@everyone look", "@ everyone look"),
        ("@Here", "@ Here"),
        ("<!channel> now", "< !channel> now"),
        ("<@123456>", "< @123456>"),
        ("fleetsave@example.org", "fleetsave@example.org"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("a < b", "a < b"),
    ],
)
def test_nobody_is_woken_by_what_a_server_said(said: str, shown: str) -> None:
    assert words.plain(said) == shown


@given(st.sampled_from(Severity), TEXTS)
def test_every_subject_begins_with_its_severity_and_fits(severity: Severity, gist: str) -> None:
    subject = words.make_notice(severity, gist, "").subject
    assert subject.startswith(f"[{severity.upper()}] ")
    assert len(subject) < 80
    assert subject.isprintable()


def test_a_server_whose_name_is_long_leaves_room_for_what_is_wrong() -> None:
    assert words.short_name("s" * 63) == "s" * 37 + "..."


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0 s"), (42, "42 s"), (90, "1 min"), (3 * 3600 + 59, "3 h"), (86400 + 7200, "1 d 2 h")]
)
def test_how_long_is_told_to_the_minute(seconds: int, text: str) -> None:
    assert words.lasted(START, START + timedelta(seconds=seconds)) == text


def test_a_key_that_is_none_is_shown_as_it_is() -> None:
    assert words.copy("servers/x\n") == "servers/x\\n"
    assert words.copy(key_of("server_001")).endswith("(of 2024-02-01 10:00 UTC)")


def test_what_does_not_fit_is_counted() -> None:
    assert words.fitting(["a" * 10, "b" * 10, "c" * 10], "problem", room=25) == (
        f"{'a' * 10}\n\n{'b' * 10}\n\nand 1 more problem; fleetsave watch lists all"
    )
    assert words.fitting(["a" * 100], "problem", room=25) == "a" * 100


def test_the_worst_come_first_and_of_those_the_oldest() -> None:
    young, old = make_problem(ProblemKind.CLOCK, None), make_problem(since=START - timedelta(days=2))
    light = make_problem(ProblemKind.GROWING, since=START - timedelta(days=9))
    assert words.worst_first([light, young, old]) == [old, young, light]
