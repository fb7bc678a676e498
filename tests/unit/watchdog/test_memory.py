"""What is remembered comes back as it was; what cannot be read is as if nothing had been remembered."""

from datetime import timedelta

import pytest

from fleetsave.model.due import LOOK_EVERY
from fleetsave.model.watch import Problem, ProblemKind
from fleetsave.watchdog.memory import MEMORY_KEY, Longterm, Memory, read_memory, write_memory
from tests.fakes.memory_store import MemoryStore
from tests.unit.prune.bucket import NOW

PROBLEM = Problem(ProblemKind.GROWING, "more", NOW, "fleetsave watch", "alpha", "alpha/database/database")
MEMORY = Memory(
    NOW - timedelta(hours=1),
    {"alpha/database": [PROBLEM]},
    {"alpha/database": 7},
    {"alpha/database": {"database": Longterm(NOW, 3600.0, 2)}},
)


def test_what_is_remembered_comes_back() -> None:
    store = MemoryStore()
    write_memory(store, MEMORY)
    assert read_memory(store, NOW) == MEMORY


def test_without_memory_the_last_look_was_a_quarter_of_an_hour_ago() -> None:
    assert read_memory(MemoryStore(), NOW) == Memory(NOW - LOOK_EVERY)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"looked_at": "2026-06-15T12:00:00"}'])
def test_what_cannot_be_read_is_nothing(body: bytes) -> None:
    store = MemoryStore()
    store.put(MEMORY_KEY, body)
    assert read_memory(store, NOW) == Memory(NOW - LOOK_EVERY)


def test_a_look_of_a_time_to_come_was_none() -> None:
    store = MemoryStore()
    write_memory(store, Memory(NOW + timedelta(seconds=1), MEMORY.carried))
    assert read_memory(store, NOW) == Memory(NOW - LOOK_EVERY)


def test_a_problem_without_a_time_zone_is_not_trusted() -> None:
    store = MemoryStore()
    naive = Problem(ProblemKind.GROWING, "more", NOW.replace(tzinfo=None), "fleetsave watch")
    write_memory(store, Memory(NOW, {"alpha/database": [naive]}))
    assert read_memory(store, NOW) == Memory(NOW - LOOK_EVERY)
