from dataclasses import dataclass, field

import pytest

from fleetsave.model.errors import ConfigurationError, StoreError
from fleetsave.model.watch import ProblemKind, WatchReport
from fleetsave.notices.addresses import FLEET
from fleetsave.notices.delivery import MOST_WAITING
from fleetsave.notices.ports import NoticePorts
from fleetsave.notices.room import NoticeOutcome, tell
from fleetsave.notices.told import TOLD_KEY, read_told
from tests.fakes.channels import RecordingChannel, RecordingPing
from tests.fakes.memory_store import MemoryStore
from tests.fixtures.looks import START, at_look, make_problem, make_report

TROUBLE = make_report([make_problem()])
WELL = make_report()
NO_ANSWER = StoreError("put", TOLD_KEY, "no answer", "Wait.", retryable=True)
TOO_OLD = "[CRITICAL] server_001: no verified backup that is new enough"


@dataclass
class Watchdog:
    """One that has looked once, when all was well, and tells two channels."""

    store: MemoryStore = field(default_factory=lambda: MemoryStore(lambda: START))
    one: RecordingChannel = field(default_factory=lambda: RecordingChannel("json #1"))
    other: RecordingChannel = field(default_factory=lambda: RecordingChannel("ntfy #2"))
    ping: RecordingPing = field(default_factory=RecordingPing)
    looks: int = 0
    refused: ConfigurationError | None = None

    def __post_init__(self) -> None:
        self.look(WELL)
        for channel in (self.one, self.other):
            channel.notices.clear()

    def look(self, report: WatchReport) -> NoticeOutcome:
        self.looks += 1
        channels = [self.one] if self.refused else [self.one, self.other]
        return tell(report, NoticePorts(self.store, channels, {FLEET: self.ping}, self.refused), at_look(self.looks))


@pytest.fixture
def watchdog() -> Watchdog:
    return Watchdog()


def test_every_channel_is_told_once(watchdog: Watchdog) -> None:
    outcomes = [watchdog.look(TROUBLE), watchdog.look(TROUBLE)]
    assert (watchdog.one.subjects, watchdog.other.subjects) == ([TOO_OLD], [TOO_OLD])
    assert outcomes == [NoticeOutcome(decided=1, sent=2, pinged=1, failures=[]), NoticeOutcome(pinged=1, failures=[])]


def test_the_first_look_ever_tells_each_channel_that_notices_work() -> None:
    store, channel = MemoryStore(lambda: START), RecordingChannel()
    tell(WELL, NoticePorts(store, [channel]), START)
    assert channel.subjects == ["[INFO] summary: 1 of 1 artifact within target, nothing is open"]


def test_a_channel_that_is_added_later_is_told_everything_that_is_open(watchdog: Watchdog) -> None:
    watchdog.look(TROUBLE)
    watchdog.other.name = "ntfy #3"
    watchdog.look(TROUBLE)
    assert watchdog.other.subjects == [TOO_OLD, "[CRITICAL] summary: 1 of 1 artifact within target, 1 problem open"]
    assert "told for the first time" in watchdog.other.notices[-1].body


def test_a_channel_that_failed_alone_gets_the_notice_in_the_next_look(watchdog: Watchdog) -> None:
    watchdog.other.broken = True
    outcome = watchdog.look(TROUBLE)
    assert (outcome.sent, outcome.waiting, [error.target for error in outcome.failures]) == (1, 1, ["ntfy #2"])
    watchdog.other.broken = False
    assert watchdog.look(TROUBLE).waiting == 0
    assert (watchdog.one.subjects, watchdog.other.subjects) == ([TOO_OLD], [TOO_OLD])


def test_a_channel_that_fails_for_days_gets_one_summary_of_what_is_open_by_then(watchdog: Watchdog) -> None:
    watchdog.other.broken = True
    for number in range(MOST_WAITING + 5):
        watchdog.look(make_report([make_problem(ProblemKind.SUSPECT, key=f"key {number}")]))
    watchdog.other.broken = False
    watchdog.look(make_report([make_problem(ProblemKind.SUSPECT, key=f"key {MOST_WAITING + 4}")]))
    assert len(watchdog.other.notices) == 1
    assert "could not be sent here" in watchdog.other.notices[0].body
    assert "a backup is suspect" in watchdog.other.notices[0].body


def test_while_the_secret_cannot_be_used_its_channels_are_waited_for(watchdog: Watchdog) -> None:
    watchdog.refused = ConfigurationError("read secret", "notices", "it is binary", "Store text.")
    outcome = watchdog.look(TROUBLE)
    assert outcome.failures == [watchdog.refused]
    assert (watchdog.one.subjects, watchdog.other.subjects, outcome.waiting) == ([TOO_OLD], [], 1)
    watchdog.refused = None
    watchdog.look(TROUBLE)
    assert watchdog.other.subjects == [TOO_OLD]


def test_killed_after_sending_the_notice_comes_again_and_is_not_lost(watchdog: Watchdog) -> None:
    watchdog.store.fail("put", NO_ANSWER, call=2)
    outcome = watchdog.look(TROUBLE)
    assert (outcome.sent, outcome.failures) == (2, [NO_ANSWER])
    watchdog.look(TROUBLE)
    assert watchdog.one.subjects == [TOO_OLD, TOO_OLD]
    watchdog.look(TROUBLE)
    assert watchdog.one.subjects == [TOO_OLD, TOO_OLD]


def test_a_memory_that_cannot_be_read_or_written_neither_silences_nor_floods(watchdog: Watchdog) -> None:
    report = make_report([make_problem(since=at_look(1))])
    outcomes = []
    for method in ("get", "put") * 8:
        watchdog.store.fail(method, NO_ANSWER)
        outcomes.append(watchdog.look(report))
    assert all(NO_ANSWER in outcome.failures for outcome in outcomes)
    assert len(watchdog.one.notices) == len(watchdog.other.notices) == 5
    assert watchdog.one.subjects[0] == "[CRITICAL] not remembered: 1 problem, the oldest for 15 min"
    watchdog.look(report)
    assert watchdog.one.subjects[-1] == TOO_OLD


def test_the_fleets_ping_needs_no_memory(watchdog: Watchdog) -> None:
    watchdog.store.fail("get", NO_ANSWER)
    assert watchdog.look(WELL).pinged == 1


def test_what_is_remembered_names_no_more_than_channels(watchdog: Watchdog) -> None:
    watchdog.look(TROUBLE)
    assert set(read_told(watchdog.store).waiting) == {"json #1", "ntfy #2"}


def test_with_nobody_to_tell_nothing_fails() -> None:
    store = MemoryStore(lambda: START)
    assert [tell(TROUBLE, NoticePorts(store), at_look(number)).failures for number in range(2)] == [[], []]
