"""How a look begins: the clock, the fleet, what the last look left, and which servers are looked at whole this time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from fleetsave.catalog.fleet_file import read_fleet
from fleetsave.model.due import LOOK_EVERY
from fleetsave.model.durations import spell
from fleetsave.model.errors import CatalogError, ConfigurationError, FleetsaveError
from fleetsave.model.fleet import Fleet
from fleetsave.model.retention import CLOCK_TOLERANCE
from fleetsave.model.watch import Problem, ProblemKind
from fleetsave.watchdog import problems
from fleetsave.watchdog.look import Look, overdue_times
from fleetsave.watchdog.memory import Memory, read_memory
from fleetsave.watchdog.places import Found, find_places, known_servers, turns_of
from fleetsave.watchdog.ports import Ports
from fleetsave.watchdog.recovering import Recovering, find_recovering
from fleetsave.watchdog.unfinished import list_uploads, sort_uploads

_HOT = 100
"""So many of the servers that something was wrong with are looked at whole in each look, so that its end is seen at once."""

Part = TypeVar("Part")


@dataclass
class Beginning:
    """What a look begins with, and what was wrong already; `found` is where to look."""

    look: Look
    memory: Memory
    clock_offset: timedelta
    found: Found
    problems: list[Problem]


def begin(ports: Ports, *, mend: bool) -> Beginning:
    """Find out what there is to look at. Raise StoreError if the store does not tell the time."""
    now = ports.store.now()
    offset = ports.now() - now
    found = list(_clock_problem(offset, now))

    def attempt(part: str, work: Callable[[], Part], otherwise: Part) -> Part:
        try:
            return work()
        except FleetsaveError as error:
            found.append(problems.part_failed(part, error, now))
            return otherwise

    memory = attempt("state/watchdog.json", lambda: read_memory(ports.store, now), Memory(now - LOOK_EVERY))
    fleets = _read_fleet(ports, now, found)
    recovering = attempt("recoveries/", lambda: find_recovering(ports.recoveries, now), Recovering())
    if recovering.unreadable is not None:
        found.append(problems.not_understood(None, recovering.unreadable, now))
    found += [problems.stalled_recovery(one) for one in recovering.stalled]
    uploads, foreign_uploads = sort_uploads(attempt("uploads", lambda: list_uploads(ports.store), []), now)
    nothing: tuple[set[str], list[CatalogError]] = (set(), [])
    servers, foreign = attempt("folders", lambda: known_servers(ports.store), nothing)
    servers |= {server_id for server_id, _ in uploads} | set(fleets or ())
    turns = turns_of(servers, memory.looked_at, now)
    deep = frozenset(turns) | _hot(memory, servers, now)
    where = find_places(ports.store, servers, fleets or {}, deep, concurrency=ports.list_concurrency)
    where.places |= set(uploads)
    found += [*foreign_uploads, *(problems.not_understood(None, error, now) for error in foreign)]
    look = Look(
        ports, now, memory.looked_at, mend and abs(offset) <= CLOCK_TOLERANCE, fleets, recovering, uploads, deep, turns,
        {kind: overdue_times(schedule, now) for kind, schedule in ports.schedules.items()}, memory.longterm,
    )  # fmt: skip
    return Beginning(look, memory, offset, where, found)


def _clock_problem(offset: timedelta, now: datetime) -> list[Problem]:
    if abs(offset) <= CLOCK_TOLERANCE:
        return []
    direction = "ahead of" if offset > timedelta(0) else "behind"
    what = (
        f"our clock is {spell(abs(offset))} {direction} the store's: ages are told by the store's, and nothing is mended or "
        "pruned until they agree"
    )
    return [Problem(ProblemKind.CLOCK, what, now, problems.LOOK)]


def _read_fleet(ports: Ports, now: datetime, found: list[Problem]) -> Mapping[str, Fleet] | None:
    """Return the fleet server by server, None if there is none that can be read."""
    try:
        return read_fleet(ports.store).by_server()
    except FleetsaveError as error:
        wrong = "is missing or wrong" if isinstance(error, ConfigurationError) else "cannot be read"
        what = f"the fleet file {wrong}: {error.cause}. {error.hint} Nothing is captured or pruned meanwhile"
        found.append(Problem(ProblemKind.FLEET_FILE, what[:1500], now, problems.PUSH))
        return None


def _hot(memory: Memory, servers: set[str], now: datetime) -> frozenset[str]:
    """Return servers of which a comparison has shown something wrong; of many, others in each look."""
    hot = sorted({place.partition("/")[0] for place, carried in memory.carried.items() if carried} & servers)
    start = int(now.timestamp() // LOOK_EVERY.total_seconds()) * _HOT % len(hot) if len(hot) > _HOT else 0
    return frozenset((hot + hot)[start : start + min(_HOT, len(hot))])
