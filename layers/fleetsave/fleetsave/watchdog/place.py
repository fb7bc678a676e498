"""One place, looked at: its catalog, its open uploads, and its data where something seems wrong or its turn has come."""

from functools import partial

from fleetsave.catalog.histories import History, Place, list_enough, list_history
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
    catalog = look.ports.catalog
    if is_deep:
        return list_history(catalog, place)
    return list_enough(catalog, place, look.since(place[1]), partial(suffices, look=look))


def _carry_what_is_seen_once_a_day(look: Look, seen: Seen) -> None:
    """Keep what is wrong at a place which only a look at all of its server visits, until the next such look."""
    server_id, kind = seen.place
    fleet = look.fleet_of(server_id)
    if seen.compared is not None and fleet is not None and not fleet.artifact_ids(kind):
        seen.compared += seen.problems
        seen.problems = []
