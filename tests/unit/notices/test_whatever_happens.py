"""Whatever sequence of looks, with whatever crashes and refusals in between: nothing is lost silently, and nothing floods."""

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetsave.model.errors import StoreError
from fleetsave.model.watch import Problem, ProblemKind
from fleetsave.notices.decide import MOST_NOTICES, decide
from fleetsave.notices.notice import Notice, Severity
from fleetsave.notices.ports import NoticePorts
from fleetsave.notices.room import tell
from fleetsave.notices.told import Told
from fleetsave.notices.words import GISTS, LONGEST_SUBJECT
from tests.fakes.channels import RecordingChannel
from tests.fakes.memory_store import MemoryStore
from tests.fixtures.looks import START, at_look, make_problem, make_report, make_watch

KINDS = [ProblemKind.TOO_OLD, ProblemKind.NOT_CAPTURED, ProblemKind.SUSPECT]
SERVERS = ["server_001", "server_002", "server_003"]
EVERY_PROBLEM = [
    make_problem(ProblemKind.TOO_OLD, "server_001"),
    make_problem(ProblemKind.NOT_CAPTURED, "server_001"),
    make_problem(ProblemKind.SUSPECT, "server_002"),
    make_problem(ProblemKind.NOT_VERIFIED, "server_003"),
]
"""As many as one notice can spell out; of more it tells the worst and counts the others."""
ARTIFACTS = [make_watch(server) for server in SERVERS]

PROBLEMS = st.lists(st.sampled_from(EVERY_PROBLEM), unique_by=lambda one: one.identity)
MISHAPS = st.sampled_from(
    [
        "none",
        "none",
        "killed before it is remembered",
        "killed while sending",
        "killed after sending",
        "channel broken",
        "unreadable",
    ]
)


NOTHING = Notice(Severity.INFO, "", "")


class KilledError(Exception):
    """The process ends here."""


@dataclass
class Fleet:
    """A watchdog that looks again and again, and people who read what arrives."""

    store: MemoryStore = field(default_factory=lambda: MemoryStore(lambda: START))
    channel: RecordingChannel = field(default_factory=RecordingChannel)
    looks: int = 0

    @property
    def now(self) -> datetime:
        return at_look(self.looks)

    def look(self, problems: Sequence[Problem], mishap: str = "none") -> None:
        self.looks += 1
        self.channel.broken = mishap == "channel broken"
        channel: RecordingChannel = _Fatal(self.channel) if mishap == "killed while sending" else self.channel
        before = self.store.calls["put"]
        if mishap == "killed before it is remembered":
            self.store.fail("put", KilledError())
        if mishap == "killed after sending":
            self.store.fail("put", KilledError(), call=2)
        if mishap == "unreadable":
            self.store.fail("get", StoreError("get", "the memory", "no answer", "Wait.", retryable=True))
        with contextlib.suppress(KilledError):
            tell(make_report(problems, ARTIFACTS), NoticePorts(self.store, [channel]), self.now)
        self._forget_faults(before)

    def last_word_on(self, problem: Problem) -> Notice:
        """Return the last notice of a problem, but for those that say themselves that nobody is told when it is over."""
        remembered = [notice for notice in self.channel.notices if "not remembered" not in notice.subject]
        return next((one for one in reversed(remembered) if names(one, problem) or names(one, problem, "over: ")), NOTHING)

    def _forget_faults(self, before: int) -> None:
        """Spend a fault that was set and not met."""
        while mishaps := self.store._faults["put"]:
            mishaps.clear()
        assert self.store.calls["put"] - before <= 2


class _Fatal(RecordingChannel):
    """A channel that takes one notice, whereupon the process is killed."""

    def __init__(self, channel: RecordingChannel) -> None:
        super().__init__(channel.name, channel.notices)

    def send(self, notice: Notice, seconds: float) -> None:
        super().send(notice, seconds)
        raise KilledError


def names(notice: Notice, problem: Problem, mark: str = "") -> bool:
    """Tell whether a notice has an entry of its own for a problem."""
    return f". {problem.artifact}: {mark}{GISTS[problem.kind]}" in notice.body


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(PROBLEMS, MISHAPS), max_size=12), PROBLEMS)
def test_what_lasts_two_looks_is_told_and_what_was_told_and_ends_is_told_to_be_over(
    looks: list[tuple[list[Problem], str]], last: list[Problem]
) -> None:
    fleet = Fleet()
    for problems, mishap in looks:
        fleet.look(problems, mishap)
    for _ in range(2):
        fleet.look(last)
    for problem in last:
        assert names(fleet.last_word_on(problem), problem)
    for _ in range(20):
        fleet.look([])
    for problem in EVERY_PROBLEM:
        word = fleet.last_word_on(problem)
        assert word is NOTHING or names(word, problem, "over: ")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sets(st.tuples(st.integers(0, 40), st.sampled_from(KINDS), st.booleans()), max_size=120), min_size=1, max_size=12)
)
def test_no_look_floods_anybody(looks: list[set[tuple[int, ProblemKind, bool]]]) -> None:
    told = Told()
    for number, found in enumerate(looks):
        problems = [make_problem(kind, None if of_all else f"server_{server:03d}") for server, kind, of_all in found]
        notices, told = decide(told, make_report(problems), at_look(number))
        assert len(notices) <= MOST_NOTICES
        assert all(len(notice.subject) <= LONGEST_SUBJECT and len(notice.body) <= 4_000 for notice in notices)


def test_a_problem_that_flaps_for_a_week_is_told_a_few_times_not_hundreds() -> None:
    fleet = Fleet()
    fleet.look([])
    for there in itertools.islice(itertools.cycle([True, True, False, False, False]), 7 * 96):
        fleet.look(EVERY_PROBLEM[:1] if there else [])
    assert len(fleet.channel.notices) <= 8
