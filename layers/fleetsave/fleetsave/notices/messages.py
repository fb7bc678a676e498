"""The notices of trouble: what began, what is over, and what is still open."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from fleetsave.model.watch import ArtifactWatch, Problem
from fleetsave.notices.notice import Notice, Severity
from fleetsave.notices.told import Known
from fleetsave.notices.words import (
    GISTS,
    LONGEST_BODY,
    LOOK,
    copy,
    count,
    entry,
    fitting,
    lasted,
    make_notice,
    moment,
    named,
    severity_of,
    short_name,
    worst_first,
)

FLEET = "the fleet"
"""What stands in place of a server where a problem is that of all."""

_UNREMEMBERED = "What was told cannot be remembered: the store does not answer. Nobody will be told when this is over."
_FIRST_FEW = 3
_ROOM_FOR_THE_FIRST = 2_300
_ROOM_FOR_NAMES = 600


def began(server: str, known: Sequence[Known], now: datetime) -> Notice:
    """Return the notice that trouble began on one server, or with the fleet as a whole."""
    problems = worst_first([one.problem for one in known])
    again = " again" if any(one.returned for one in known) else ""
    gist = f"{short_name(server)}{again}: {GISTS[problems[0].kind]}{_and_more(problems)}"
    entries = [entry(number, one, now) for number, one in enumerate(problems, 1)]
    return make_notice(severity_of(problems), gist, fitting(entries, "problem"))


def _and_more(found: Sequence[Problem | Known]) -> str:
    return f" (+{len(found) - 1} more)" if len(found) > 1 else ""


def storm(by_server: Mapping[str, Sequence[Known]], now: datetime) -> Notice:
    """Return the one notice that trouble began in many places at once."""
    problems = worst_first([one.problem for found in by_server.values() for one in found])
    servers = [name for name in by_server if name != FLEET]
    cause = _common_cause(problems)
    many = f"{count(len(problems), 'problem')} began at {count(len(servers), 'server')}, and this is the one notice of them."
    firsts = [one for one in problems if one.server_id is None] + [one for one in problems if one.server_id]
    entries = fitting(
        [entry(number, one, now) for number, one in enumerate(firsts[:_FIRST_FEW], 1)], "problem", room=_ROOM_FOR_THE_FIRST
    )
    names = fitting([short_name(name) for name in servers], "server", room=_ROOM_FOR_NAMES, separator=", ")
    body = "\n\n".join([f"{many}\ncommon cause: {cause}", entries, f"servers: {names}", f"next: {LOOK}"])
    return make_notice(severity_of(problems), f"{count(len(servers), 'server')}: {cause}", body)


def _common_cause(problems: Sequence[Problem]) -> str:
    """Return what explains them all: what is wrong with the fleet itself, else the one kind they share, else what there is."""
    of_the_fleet = [one for one in problems if one.server_id is None]
    if of_the_fleet:
        return GISTS[of_the_fleet[0].kind]
    kinds = Counter(one.kind for one in problems).most_common()
    if len(kinds) == 1:
        return GISTS[kinds[0][0]]
    return f"{GISTS[kinds[0][0]]}, and {count(len(kinds) - 1, 'other kind')}"


def over(
    by_server: Mapping[str, Sequence[Known]], still: Sequence[Known], artifacts: Mapping[str, ArtifactWatch], now: datetime
) -> Notice:
    """Return the notice that trouble is over, on one server or on several; `still` is what is open there all the same."""
    known = sorted((one for found in by_server.values() for one in found), key=lambda one: one.problem.since)
    but = f", {len(still):,} still open" if still else ""
    name, many = next(iter(by_server)), f"{count(len(by_server), 'server')}: trouble is over{but}"
    longest = lasted(known[0].problem.since, known[0].good_since or now)
    one = f"{short_name(name)}: over after {longest}{but}: {GISTS[known[0].problem.kind]}{_and_more(known)}"
    gist = one if len(by_server) == 1 else many
    entries = [_ended(number, ended, artifacts, now) for number, ended in enumerate(known, 1)]
    lines = [f"{named(one.problem)}: {GISTS[one.problem.kind]}" for one in still]
    rest = fitting(["still open there:", *lines], "problem", room=_ROOM_FOR_NAMES, separator="\n   ") if still else ""
    body = fitting(entries, "problem", room=LONGEST_BODY - len(rest))
    return make_notice(Severity.OK, gist, f"{body}\n\n{rest}" if rest else body)


def _ended(number: int, known: Known, artifacts: Mapping[str, ArtifactWatch], now: datetime) -> str:
    problem, until = known.problem, known.good_since or now
    lines = [
        f"{number}. {named(problem)}: over: {GISTS[problem.kind]}",
        f"   lasted: {lasted(problem.since, until)}, from {moment(problem.since)} to {moment(until)}",
    ]
    if problem.artifact:
        lines.append(f"   newest verified now: {_newest(artifacts.get(problem.artifact))}")
    return "\n".join(lines)


def _newest(watch: ArtifactWatch | None) -> str:
    if watch is None:
        return "not known: it is not watched any more, since the fleet file does not name it"
    return copy(watch.newest_verified_key) if watch.newest_verified_key else "none"


def reminder(problems: Sequence[Problem], now: datetime) -> Notice:
    """Return the notice that trouble people know of is still there."""
    return make_notice(severity_of(problems), f"still open: {_how_many(problems, now)}", open_problems(problems, now))


def unremembered(problems: Sequence[Problem], now: datetime) -> Notice:
    """Return the notice of trouble while nothing can be remembered."""
    return make_notice(
        severity_of(problems), f"not remembered: {_how_many(problems, now)}", f"{_UNREMEMBERED}\n\n{open_problems(problems, now)}"
    )


def _how_many(problems: Sequence[Problem], now: datetime) -> str:
    return f"{count(len(problems), 'problem')}, the oldest for {lasted(min(one.since for one in problems), now)}"


def open_problems(problems: Sequence[Problem], now: datetime, *, room: int = LONGEST_BODY) -> str:
    """Return the entries of problems that are open, the worst first, as many as fit."""
    return fitting([entry(number, one, now) for number, one in enumerate(worst_first(problems), 1)], "problem", room=room)
