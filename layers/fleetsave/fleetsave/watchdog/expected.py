"""What should be there at one place: the fleet file's artifacts, a glob by the files it is known to have matched."""

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from datetime import timedelta

from fleetsave.catalog.histories import History, Place, is_verified
from fleetsave.model.errors import InvalidInputError
from fleetsave.model.fleet import Fleet
from fleetsave.model.keys import ArtifactId
from fleetsave.model.kinds import Kind
from fleetsave.watchdog.look import Look

_FAILED_LATELY = timedelta(days=2)


@dataclass(frozen=True)
class Expected:
    """One artifact that should have backups no older than `target`.

    `asked_as` is the artifact whose job captures it: itself, or the glob it came from; None if nobody knows what is captured.
    """

    artifact_id: ArtifactId
    asked_as: ArtifactId | None
    target: timedelta


def expected_of(history: History, look: Look) -> list[Expected]:
    """Return what should be there, in order.

    A file that a glob has matched is expected for a month after its newest backup, and for as long as its captures fail: looks
    at a month or more find these, and they are remembered. While nobody knows the fleet, whatever was backed up within a
    month is expected. Raise StoreError.
    """
    server_id, kind = history.place
    known = {one for one in history.backups if not one.is_safety and _was_there_lately(history, one, look)}
    if not look.is_long(history):
        known |= set(_remembered(history.place, look))
    if look.fleets is None:
        return [Expected(one, None, look.ports.rpo * kind.schedule_hours) for one in sorted(known)]
    fleet = look.fleet_of(server_id)
    if fleet is None:
        return []
    pairs = dict(_configured(fleet, kind, known, history, look))
    return [Expected(one, pairs[one], fleet.rpo(one) or look.ports.rpo * kind.schedule_hours) for one in sorted(pairs)]


def suffices(history: History, look: Look) -> bool:
    """Tell whether a listing since a slot shows a verified backup of all that should have one, or had any."""
    fleet = look.fleet_of(history.place[0])
    named = fleet.artifact_ids(history.place[1]) if fleet else []
    globs = {one for one in named if fleet and _is_glob(fleet, one)}
    asked = {*history.backups, *_remembered(history.place, look), *named} - globs
    if not all(is_verified(history.backups.get(one, ())) for one in asked if not one.is_safety):
        return False
    return not globs or bool(history.backups)


def _remembered(place: Place, look: Look) -> Iterator[ArtifactId]:
    for name in look.remembered(place):
        try:
            yield ArtifactId(*place, name)
        except InvalidInputError:
            continue  # memory is not to be trusted


def _was_there_lately(history: History, artifact_id: ArtifactId, look: Look) -> bool:
    return any(backup.key.slot >= look.month(artifact_id.kind) for backup in history.backups[artifact_id])


def _configured(
    fleet: Fleet, kind: Kind, known: Set[ArtifactId], history: History, look: Look
) -> Iterator[tuple[ArtifactId, ArtifactId]]:
    """Yield each artifact with the one whose job captures it; a glob that matched nothing yet stands for itself."""
    own_ids = fleet.artifact_ids(kind)
    for own in own_ids:
        if not _is_glob(fleet, own):
            yield own, own
    globs = [own for own in own_ids if _is_glob(fleet, own)]
    if not globs:
        return
    if look.is_long(history):
        known = {*known, *_failed_lately(globs[0], look)}
    for glob in globs:
        matched = _matched(fleet, glob, known) or _matched(fleet, glob, history.backups)
        yield from ((one, glob) for one in matched)
        if not matched:
            yield glob, glob


def _matched(fleet: Fleet, glob: ArtifactId, known: Iterable[ArtifactId]) -> list[ArtifactId]:
    owner = fleet.find(glob)
    return [one for one in known if one != glob and not one.is_safety and fleet.find(one) == owner]


def _is_glob(fleet: Fleet, artifact_id: ArtifactId) -> bool:
    found = fleet.find(artifact_id)
    return found is not None and found[1].is_glob


def _failed_lately(beside: ArtifactId, look: Look) -> Iterator[ArtifactId]:
    """Yield the artifacts of a place of which a run has noted something lately: a capture that fails leaves no other trace."""
    folder, _, _ = beside.state_key.rpartition("/")
    for info in look.ports.store.list(f"{folder}/"):
        name = info.key.removeprefix(f"{folder}/").removesuffix(".json")
        if look.now - info.last_modified < _FAILED_LATELY:
            try:
                found = ArtifactId(beside.server_id, beside.kind, name)
            except InvalidInputError:
                continue  # not collect's: nothing is expected of it
            if not found.is_safety:
                yield found
