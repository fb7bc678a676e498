"""How notices say things: the gist of each kind of trouble, times, copies, and texts that fit."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from fleetsave.model.durations import spell
from fleetsave.model.errors import InvalidInputError
from fleetsave.model.keys import BackupKey
from fleetsave.model.printing import printable
from fleetsave.model.watch import Problem, ProblemKind
from fleetsave.notices.notice import Notice, Severity

LONGEST_SUBJECT = 79
LONGEST_BODY = 3_400
"""Characters; ntfy takes 4,096 bytes and Discord 2,000 characters a message, so that no notice comes in more than two."""

LOOK = "fleetsave watch"
"""The command that lists everything."""

GISTS = {
    ProblemKind.TOO_OLD: "no verified backup that is new enough",
    ProblemKind.NOT_CAPTURED: "a backup was not taken",
    ProblemKind.NOT_VERIFIED: "a backup waits for its proof",
    ProblemKind.REJECTED: "a backup was rejected",
    ProblemKind.SUSPECT: "a backup is suspect",
    ProblemKind.INCONCLUSIVE: "a backup could not be judged",
    ProblemKind.OBJECT_WITHOUT_RECORD: "an object has no record",
    ProblemKind.RECORD_WITHOUT_OBJECT: "a backup has disappeared",
    ProblemKind.UNREADABLE: "something cannot be read",
    ProblemKind.NOT_IN_FLEET: "no longer in the fleet file",
    ProblemKind.FLEET_FILE: "the fleet file is missing or wrong",
    ProblemKind.CLOCK: "the clocks disagree",
    ProblemKind.SCHEDULE_STOPPED: "a schedule has stopped",
    ProblemKind.RECOVERY_STALLED: "a recovery stands still",
    ProblemKind.GROWING: "far more bytes than before",
    ProblemKind.NOT_PRUNED: "backups stay past their retention",
    ProblemKind.STALE_UPLOAD: "an upload lies open",
}

_CRITICAL = {
    ProblemKind.TOO_OLD,
    ProblemKind.REJECTED,
    ProblemKind.RECORD_WITHOUT_OBJECT,
    ProblemKind.FLEET_FILE,
    ProblemKind.CLOCK,
    ProblemKind.SCHEDULE_STOPPED,
    ProblemKind.RECOVERY_STALLED,
}
"""What means that a loss now would cost more than was agreed, that nothing is being captured, or that a server may stand half-way
through a restore. All else is a warning."""

_LONGEST_WHAT = 400
_LONGEST_NAME = 40
_MENTION = re.compile(r"@(?=everyone\b|here\b|channel\b)|<(?=[@!#&])", re.IGNORECASE)
"""What would wake everybody in a chat, were it to stand in what a server said."""


def severity_of(problems: Sequence[Problem]) -> Severity:
    """Return how soon somebody should look at these problems."""
    return Severity.CRITICAL if any(one.kind in _CRITICAL for one in problems) else Severity.WARNING


def make_notice(severity: Severity, gist: str, body: str) -> Notice:
    """Return a notice whose subject begins with its severity and fits."""
    return Notice(severity, shorten(f"[{severity.upper()}] {plain(gist)}", LONGEST_SUBJECT), body)


def worst_first(problems: Sequence[Problem]) -> list[Problem]:
    """Return problems in the order in which to look at them: critical ones first, each the oldest first."""
    return sorted(problems, key=lambda one: (one.kind not in _CRITICAL, one.since, one.identity))


def entry(number: int, problem: Problem, now: datetime) -> str:
    """Return a problem as a person needs it: of what, what, since when, the last good copy, and the next command."""
    return "\n".join(
        (
            f"{number}. {named(problem)}: {GISTS[problem.kind]}",
            *([f"   object: {shorten(plain(problem.key), _LONGEST_WHAT)}"] if problem.key else []),
            f"   what: {shorten(plain(problem.what), _LONGEST_WHAT)}",
            f"   since: {moment(problem.since)} ({ago(problem.since, now)})",
            f"   last good copy: {last_good(problem)}",
            f"   next: {printable(problem.command)}",
        )
    )


def named(problem: Problem) -> str:
    """Return of what a problem is: the artifact, else the server, else the fleet."""
    return plain(problem.artifact or problem.server_id or (f"the fleet, {problem.part}" if problem.part else "the fleet"))


def last_good(problem: Problem) -> str:
    """Return the newest verified copy of what a problem is about."""
    if problem.last_good_key:
        return copy(problem.last_good_key)
    return "none" if problem.artifact else f"one of each artifact; {LOOK} lists them"


def copy(key: str) -> str:
    """Return a backup's key with the time it stands for."""
    try:
        return f"{key} (of {moment(BackupKey.parse(key).slot.at)})"
    except InvalidInputError:
        return shorten(plain(key), _LONGEST_WHAT)


def moment(at: datetime) -> str:
    """Return a time to the minute, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def ago(since: datetime, now: datetime) -> str:
    """Return how long ago something was."""
    return f"{lasted(since, now)} ago"


def lasted(since: datetime, until: datetime) -> str:
    """Return how long something took, in two units, to the minute if it took as long; never less than nothing."""
    span = max(until - since, timedelta(0))
    return spell(span - span % timedelta(minutes=1) if span >= timedelta(minutes=1) else span)


def plain(text: str) -> str:
    """Return text that can neither steer what shows it nor wake everybody in a chat."""
    return _MENTION.sub(lambda found: f"{found[0]} ", printable(text))


def shorten(text: str, longest: int) -> str:
    """Return text that fits, with dots where it was cut."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def short_name(name: str) -> str:
    """Return a name that leaves room for something else in a subject."""
    return shorten(plain(name), _LONGEST_NAME)


def count(number: int, noun: str) -> str:
    """Return a number of things: `1 server`, `2 servers`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def fitting(parts: Sequence[str], noun: str, *, room: int = LONGEST_BODY, separator: str = "\n\n") -> str:
    """Return as many parts as fit into so many characters, at least one, and how many were left out."""
    taken: list[str] = []
    used = 0
    for part in parts:
        used += len(part) + len(separator)
        if taken and used > room:
            rest = count(len(parts) - len(taken), f"more {noun}")
            return separator.join([*taken, f"and {rest}; {LOOK} lists all"])
        taken.append(part)
    return separator.join(taken)
