"""One look at the whole fleet: what should be there, held against what is; told, and mended where that is safe.

Order: everything is looked at -> remedies are sent -> the report is written -> the look is remembered. Killed between any two,
the next look covers the same time again, and whatever is sent twice is done once.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

from fleetsave.catalog.histories import side_by_side
from fleetsave.model.errors import FleetsaveError
from fleetsave.model.watch import Problem, ProblemKind, WatchReport
from fleetsave.watchdog import problems
from fleetsave.watchdog.beginning import Beginning, begin
from fleetsave.watchdog.gathering import Gathering
from fleetsave.watchdog.look import Look
from fleetsave.watchdog.memory import Memory, write_memory, write_report
from fleetsave.watchdog.place import see
from fleetsave.watchdog.ports import Ports
from fleetsave.watchdog.remedies import NOTHING_DONE, Taken, take
from fleetsave.watchdog.sweeps import sweeps

_HELD_BACK = timedelta(hours=1)
"""For so long a look that could not send everything counts as not made, so that the next one sends it again."""


def watch(ports: Ports, *, mend: bool = True) -> WatchReport:
    """Look at the fleet, and mend what can be mended; without `mend` nothing is written and nothing is sent.

    Looking again, late, or twice at once is harmless. What cannot be read stands in the report, and all else is looked at.
    Raise StoreError if the store does not even tell the time.
    """
    begun = begin(ports, mend=mend)
    look = begun.look
    gathered = Gathering(begun)
    for seen in side_by_side(partial(see, look=look), sorted(begun.found.places), concurrency=ports.list_concurrency):
        gathered.add(seen)
    taken = Taken(dict(NOTHING_DONE), [])
    if look.mends:
        gathered.remedies.captures.update(sweeps(look))
        taken = take(gathered.remedies, ports)
    report = _report(begun, gathered, taken)
    return _written(report, begun, gathered, taken) if mend else report


def _report(begun: Beginning, gathered: Gathering, taken: Taken) -> WatchReport:
    look = begun.look
    found = [*gathered.all_problems(), *_stopped(gathered, look)]
    found += [problems.part_failed(part, error, look.now) for part, error in taken.failures]
    figures = {
        "clock_offset_seconds": begun.clock_offset.total_seconds(),
        "stored_bytes": float(sum(gathered.stored_bytes.values())),
    }
    artifacts = sorted(gathered.artifacts, key=lambda one: one.artifact)
    return WatchReport(look.now, artifacts, _in_order(found), taken.did, figures)


def _stopped(gathered: Gathering, look: Look) -> Iterator[Problem]:
    """Tell of each kind of which nothing was captured for the newest slot, though something was for an earlier one."""
    for kind, tally in sorted(gathered.tallies.items()):
        if not tally.expected or tally.captured or tally.newest is None:
            continue
        due = look.overdue[kind]
        since = next((one for one in due if one.slot > tally.newest), due[-1])
        what = (
            f"no backup of kind {kind} was made for {due[-1].slot.text}, nor for any slot since {since.slot.text}, of "
            f"{tally.expected} that should be: look at its schedule, at dispatch, and at their dead-letter queues"
        )
        yield Problem(ProblemKind.SCHEDULE_STOPPED, what, since.at, problems.SCHEDULES, part=str(kind))


def _written(report: WatchReport, begun: Beginning, gathered: Gathering, taken: Taken) -> WatchReport:
    """Publish a look and remember it; what cannot be written stands in what is returned."""
    look, store = begun.look, begun.look.ports.store
    held_back = bool(taken.failures) and look.now - begun.memory.looked_at < _HELD_BACK
    looked_at = begun.memory.looked_at if held_back else look.now
    memory = Memory(looked_at, gathered.carried, gathered.stored_bytes, gathered.longterm)
    steps: list[Callable[[], None]] = [partial(write_report, store, report)]
    if look.mends:
        steps.append(partial(write_memory, store, memory))
    failed: list[Problem] = []
    for step in steps:
        try:
            step()
        except FleetsaveError as error:
            failed.append(problems.part_failed(error.target[:300], error, look.now))
    return replace(report, problems=_in_order([*report.problems, *failed])) if failed else report


def _in_order(found: list[Problem]) -> list[Problem]:
    """Return each problem once, in an order that does not depend on what was looked at first."""
    unique: dict[str, Problem] = {}
    for one in sorted(found, key=lambda one: (one.identity, one.since, one.what)):
        unique.setdefault(one.identity, one)
    order = list(ProblemKind)
    return sorted(
        unique.values(), key=lambda one: (order.index(one.kind), one.server_id or "", one.artifact or "", one.identity)
    )  # fmt: skip
