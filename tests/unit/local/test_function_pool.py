"""A pool gives each call an environment of its own, keeps a few, and never uses one that broke."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from fleetsave.local.function_environment import Environment, Reply
from fleetsave.local.function_package import Package
from fleetsave.local.function_pool import FunctionPool
from tests.unit.local.test_function_environment import PACKAGE


class FakeEnvironment:
    """Answers with its number, or breaks as the event says."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_usable = True
        self.is_told_to_stop = False
        self.is_stopped = False

    def invoke(self, event: bytes) -> Reply:
        if event == b"break":
            raise ConnectionResetError("gone")
        if event == b"time out":
            return Reply(b"Task timed out", is_error=True, is_reusable=False)
        return Reply(str(self.number).encode(), is_error=False, is_reusable=True)

    def begin_stop(self) -> None:
        self.is_told_to_stop = True

    def stop(self) -> None:
        self.is_stopped = True


class Started:
    """Starts fake environments and remembers them."""

    def __init__(self) -> None:
        self.all: list[FakeEnvironment] = []

    def __call__(self, _package: Package) -> Environment:
        self.all.append(FakeEnvironment(len(self.all)))
        return cast("Environment", self.all[-1])


@pytest.fixture
def started() -> Started:
    return Started()


@pytest.fixture
def pool(started: Started, tmp_path: Path) -> FunctionPool:
    task = tmp_path / "code"
    task.mkdir()
    return FunctionPool(Package(**{**vars(PACKAGE), "task": task}), started)


def test_an_idle_environment_is_used_again(pool: FunctionPool, started: Started) -> None:
    assert [pool.invoke(b"{}").body for _ in range(3)] == [b"0", b"0", b"0"]
    assert len(started.all) == 1


@pytest.mark.parametrize("event", [b"break", b"time out"])
def test_one_that_broke_is_stopped_and_never_used_again(pool: FunctionPool, started: Started, event: bytes) -> None:
    assert pool.invoke(event).is_error
    assert started.all[0].is_stopped
    assert pool.invoke(b"{}").body == b"1"


def test_one_that_ended_or_whose_credentials_run_out_is_not_used(pool: FunctionPool, started: Started) -> None:
    pool.invoke(b"{}")
    started.all[0].is_usable = False
    assert pool.invoke(b"{}").body == b"1"
    assert started.all[0].is_stopped


def test_calls_at_the_same_time_have_an_environment_each_and_few_are_kept(
    pool: FunctionPool, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(6)

    def invoke(self: FakeEnvironment, _event: bytes) -> Reply:
        together.wait(5)
        return Reply(str(self.number).encode(), is_error=False, is_reusable=True)

    monkeypatch.setattr(FakeEnvironment, "invoke", invoke)
    with ThreadPoolExecutor(6) as threads:
        replies = set(threads.map(lambda _: pool.invoke(b"{}").body, range(6)))
    assert len(replies) == 6
    assert sum(environment.is_stopped for environment in started.all) == 2


def test_a_retired_pool_stops_its_environments_and_removes_the_code(pool: FunctionPool, started: Started) -> None:
    pool.invoke(b"{}")
    pool.retire()
    assert started.all[0].is_stopped
    assert not pool.package.task.exists()


def test_stopping_tells_all_before_it_waits_for_any(
    pool: FunctionPool, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(2)

    def invoke(_self: FakeEnvironment, _event: bytes) -> Reply:
        together.wait(5)
        return Reply(b"null", is_error=False, is_reusable=True)

    def stop(self: FakeEnvironment) -> None:
        assert all(environment.is_told_to_stop for environment in started.all)
        self.is_stopped = True

    monkeypatch.setattr(FakeEnvironment, "invoke", invoke)
    monkeypatch.setattr(FakeEnvironment, "stop", stop)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(pool.invoke, [b"{}", b"{}"]))
    pool.stop()
    assert [environment.is_stopped for environment in started.all] == [True, True]
