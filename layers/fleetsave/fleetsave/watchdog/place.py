"""One place, looked at: its catalog, its open uploads, and its data where something seems wrong or its turn has come."""

from fleetsave.catalog.histories import History, Place, list_history
from fleetsave.model.errors import FleetsaveError
from fleetsave.model.watch import ProblemKind
from fleetsave.watchdog.compare import compare
from fleetsave.watchdog.expected import suffices
from fleetsave.watchdog.look import Look, Seen
from fleetsave.watchdog.near import look_at
from fleetsave.watchdog.uploads import see_to_uploads

_ODD = {ProblemKind.NOT_CAPTURED, ProblemKind.NOT_VERIFIED}
"""What may have to do with an object that lost its record, or a record that lost its object."""


def see(place: Place, look: Look) -> Seen:
    """Return what is to be seen at one place; what could not be looked at stands in it."""
    is_deep = place[0] in look.deep
    seen = Seen(place)
    try:
        history = _list(place, look, is_deep=is_deep)
        seen = look_at(history, look)
        see_to_uploads(history, look, seen)
        if is_deep or any(problem.kind in _ODD for problem in seen.problems):
            compare(history, look, seen)
            _carry_what_is_seen_once_a_day(look, seen)
    except FleetsaveError as error:
        seen.unlisted = error
    return seen


def _list(place: Place, look: Look, *, is_deep: bool) -> History:
    """List the last days; the last month, and then everything, where that does not show enough."""
    catalog = look.ports.catalog
    for since in () if is_deep else (look.since(place[1]), look.month(place[1])):
        history = list_history(catalog, place, since)
        if suffices(history, look):
            return history
    return list_history(catalog, place)


def _carry_what_is_seen_once_a_day(look: Look, seen: Seen) -> None:
    """Keep what only a look at all of a server shows, until the next such look: places, and times, that others do not visit."""
    server_id, kind = seen.place
    fleet = look.fleet_of(server_id)
    if seen.compared is None or seen.compared_since is not None:
        return
    if fleet is not None and not fleet.artifact_ids(kind):
        seen.compared += seen.problems
    else:
        begin = look.since(kind).at
        seen.compared += [one for one in seen.problems if one.kind is ProblemKind.UNREADABLE]
        seen.compared += [one for one in seen.problems if one.kind is ProblemKind.NOT_VERIFIED and one.since < begin]
