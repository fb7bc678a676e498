"""One place, looked at: its catalog, its open uploads, and its data where something seems wrong or its turn has come."""

from functools import partial

from fleetsave.catalog.histories import History, Place, list_enough
from fleetsave.model.errors import FleetsaveError
from fleetsave.model.slots import Slot
from fleetsave.model.watch import ProblemKind
from fleetsave.watchdog.compare import compare
from fleetsave.watchdog.expected import suffices
from fleetsave.watchdog.listed import list_data
from fleetsave.watchdog.look import Look, Seen
from fleetsave.watchdog.records import look_at_records
from fleetsave.watchdog.unfinished import see_to_uploads

_ODD = {ProblemKind.NOT_CAPTURED, ProblemKind.NOT_VERIFIED}
"""What may have to do with an object that lost its record, or a record that lost its object."""


def see(place: Place, look: Look) -> Seen:
    """Return what is to be seen at one place; what could not be looked at stands in it."""
    is_deep = place[0] in look.deep
    seen = Seen(place)
    try:
        history = _list(place, look, is_deep=is_deep)
        seen = look_at_records(history, look)
        see_to_uploads(history, look, seen)
        if is_deep or any(problem.kind in _ODD for problem in seen.problems):
            seen.is_deep = is_deep
            compare(history, look, seen)
            _carry_what_is_seen_once_a_day(look, seen)
    except FleetsaveError as error:
        seen.unlisted = error
    return seen


def _list(place: Place, look: Look, *, is_deep: bool) -> History:
    """List the last days; the last month, and then everything, where that does not show enough.

    A deep look begins with the last month, or with the oldest data that is there, if that is older.
    """
    begin: tuple[Slot, ...] = (look.since(place[1]), look.month(place[1]))
    if is_deep:
        is_whole = look.is_from_the_beginning(place[0])
        begin = () if is_whole else (min(look.month(place[1]), _oldest_data(place, look)),)
    return list_enough(look.ports.catalog, place, begin, partial(suffices, look=look))


def _oldest_data(place: Place, look: Look) -> Slot:
    """Return the oldest slot of which there is data; that of a month ago, if there is none."""
    listed = list_data(place, None, look.ports.store)
    slots = [*(key.slot for key in listed.data), *(slot for _, slot in listed.beside)]
    return min(slots, default=look.month(place[1]))


def _carry_what_is_seen_once_a_day(look: Look, seen: Seen) -> None:
    """Keep what only a look at all of a server shows, until the next such look: places, and times, that others do not visit."""
    server_id, kind = seen.place
    fleet = look.fleet_of(server_id)
    if seen.compared is None or not seen.is_deep:
        return
    if fleet is not None and not fleet.artifact_ids(kind):
        seen.compared += seen.problems
    else:
        begin = look.since(kind).at
        seen.compared += [one for one in seen.problems if one.kind is ProblemKind.UNREADABLE]
        seen.compared += [one for one in seen.problems if one.kind is ProblemKind.NOT_VERIFIED and one.since < begin]
