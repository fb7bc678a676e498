from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from fleetsave.notices.delivery import MOST_WAITING, SECONDS, Delivered, deliver, queued
from fleetsave.notices.notice import Notice, Severity
from fleetsave.notices.told import Waiting
from tests.fakes.channels import RecordingChannel

FIRST = Notice(Severity.INFO, "the first", "everything")


def notice(number: int) -> Notice:
    return Notice(Severity.WARNING, f"notice {number}", "body")


def notices(count: int) -> tuple[Notice, ...]:
    return tuple(notice(number) for number in range(count))


def sent(
    channels: Sequence[RecordingChannel], waiting: dict[str, Waiting], seconds: Callable[[], float] = lambda: 0.0
) -> Delivered:
    return deliver(channels, waiting, lambda dropped: Notice(Severity.INFO, f"in place of {dropped}", ""), seconds)


@dataclass
class Stopwatch:
    """A clock that a channel puts forward."""

    at: float = 0.0

    def __call__(self) -> float:
        return self.at


@dataclass
class SlowChannel(RecordingChannel):
    """A channel that takes all the time it is given, and then fails."""

    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    broken: bool = True

    def send(self, notice: Notice, seconds: float) -> None:
        self.stopwatch.at += seconds
        super().send(notice, seconds)


def test_new_notices_wait_behind_older_ones() -> None:
    assert queued({"a": Waiting(notices(1))}, ["a"], [notice(7)], lambda: FIRST) == {"a": Waiting((notice(0), notice(7)))}


def test_a_channel_that_is_new_is_told_everything_once() -> None:
    assert queued({"a": Waiting()}, ["a", "b"], [notice(7)], lambda: FIRST) == {
        "a": Waiting((notice(7),)),
        "b": Waiting((FIRST,)),
    }


def test_a_channel_that_is_gone_is_forgotten() -> None:
    assert queued({"a": Waiting(notices(3))}, [], [], lambda: FIRST) == {}


def test_no_more_wait_than_are_kept() -> None:
    found = queued({"a": Waiting(notices(MOST_WAITING), 3)}, ["a"], [notice(100), notice(101)], lambda: FIRST)["a"]
    assert (len(found.notices), found.notices[-1], found.dropped) == (MOST_WAITING, notice(101), 5)


def test_what_waits_is_sent_in_order_and_then_does_not_wait() -> None:
    channel = RecordingChannel("a")
    assert sent([channel], {"a": Waiting(notices(3))}) == Delivered({"a": Waiting()}, 3, [])
    assert channel.notices == list(notices(3))


def test_a_channel_that_fails_keeps_all_and_is_tried_once_a_look_and_the_others_go_on() -> None:
    broken, good = RecordingChannel("a", broken=True), RecordingChannel("b")
    delivered = sent([broken, good], {"a": Waiting(notices(3)), "b": Waiting(notices(3))})
    assert delivered.waiting == {"a": Waiting(notices(3)), "b": Waiting()}
    assert [error.target for error in delivered.failures] == ["a"]
    assert (broken.attempts, delivered.sent) == (1, 3)


def test_after_too_many_a_channel_gets_one_summary() -> None:
    channel = RecordingChannel("a")
    assert sent([channel], {"a": Waiting(notices(20), 7)}).waiting == {"a": Waiting()}
    assert channel.subjects == ["in place of 7"]


def test_a_summary_that_is_not_taken_is_made_again() -> None:
    waiting = {"a": Waiting(notices(20), 7)}
    assert sent([RecordingChannel("a", broken=True)], waiting).waiting == waiting


def test_what_waits_for_a_channel_that_is_not_there_goes_on_waiting() -> None:
    waiting = {"a": Waiting(notices(2))}
    assert sent([], waiting) == Delivered(waiting, 0, [])


@pytest.mark.parametrize("hanging", [1, 4, 9])
def test_channels_that_hang_leave_time_for_the_last(hanging: int) -> None:
    stopwatch = Stopwatch()
    slow = [SlowChannel(f"slow {number}", stopwatch=stopwatch) for number in range(hanging)]
    good = RecordingChannel("good")
    delivered = sent([*slow, good], {channel.name: Waiting(notices(20)) for channel in [*slow, good]}, stopwatch)
    assert len(good.notices) == 20
    assert len(delivered.failures) == hanging
    assert stopwatch.at <= SECONDS


def test_what_there_is_no_time_for_waits_and_is_no_failure() -> None:
    stopwatch = Stopwatch()
    slow = SlowChannel("slow", broken=False, stopwatch=stopwatch)
    delivered = sent([slow], {"slow": Waiting(notices(20))}, stopwatch)
    assert (delivered.sent, len(delivered.waiting["slow"].notices), delivered.failures) == (4, 16, [])
