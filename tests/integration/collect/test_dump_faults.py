"""Whatever breaks while a database is dumped: a whole backup appears, or nothing at all, and nothing is left running."""

import random

import pytest

from fleetsave.model.errors import CaptureError
from tests.fixtures.dump_faults import (
    Strike,
    Trial,
    crash_server,
    dump_through_a_cut,
    dump_while,
    dump_without_room,
    full_disk,
    kill_pg_dump,
    left_running,
    terminate_backend,
)
from tests.fixtures.dumping import Dumping

ROWS = 400_000
"""About 45 MB, which take about a second."""


def require_nothing_half_done(dumping: Dumping, trial: Trial, before: set[str]) -> None:
    stored = trial.stored
    expected = before | ({stored.key, stored.dump.globals.key} if stored else set())
    assert dumping.data() == expected
    assert (dumping.open_uploads(), left_running(dumping)) == (0, 0)


@pytest.fixture
def large(dumping: Dumping) -> Dumping:
    dumping.fill(ROWS)
    return dumping


@pytest.mark.parametrize("strike", [kill_pg_dump, terminate_backend], ids=lambda strike: strike.__name__)
def test_a_dump_that_is_ended_from_outside_leaves_nothing_and_is_tried_again(large: Dumping, strike: Strike) -> None:
    chance = random.Random(7)
    hits = 0
    for _ in range(20):
        before = large.data()
        trial = dump_while(large, strike, chance.uniform(0.1, 0.9))
        require_nothing_half_done(large, trial, before)
        if trial.error is not None:
            assert isinstance(trial.error, CaptureError)
            assert trial.error.retryable, trial.error
            hits += 1
        if hits == 3:
            return
    raise AssertionError(f"struck {hits} times only")


def test_a_server_that_crashes_leaves_nothing_and_the_next_dump_is_whole(large: Dumping) -> None:
    before = large.data()
    trial = dump_while(large, crash_server, 0.3)
    large.server.restart()
    require_nothing_half_done(large, trial, before)
    assert isinstance(trial.error, CaptureError)
    assert trial.error.retryable, trial.error
    assert large.dump().dump.text.blocks["public.ledger"].rows == ROWS


@pytest.mark.parametrize("size", [0, 700, 1 << 20, 20 << 20])
def test_a_network_that_is_cut_leaves_nothing(large: Dumping, size: int) -> None:
    before = large.data()
    trial = dump_through_a_cut(large, size)
    require_nothing_half_done(large, trial, before)
    assert isinstance(trial.error, CaptureError), trial
    assert (trial.error.reason, trial.error.retryable) == ("connection_lost", True), trial.error


def test_a_server_without_room_is_named(large: Dumping) -> None:
    before = large.data()
    with full_disk(large):
        trial = dump_without_room(large)
    require_nothing_half_done(large, trial, before)
    assert isinstance(trial.error, CaptureError), trial
    assert "No space left on device" in trial.error.cause
