"""What has to be listed of one place to tell whether it is safe: the newest slots, and more only where they do not answer."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.histories import History, Place, is_verified, list_history
from fleetsave.catalog.states import States
from fleetsave.model.errors import InvalidInputError
from fleetsave.model.fleet import Fleet
from fleetsave.model.history import Backup
from fleetsave.model.keys import ArtifactId, catalog_prefix, parse_record_key
from fleetsave.model.kinds import Kind
from fleetsave.model.slots import Slot
from fleetsave.store.base import ObjectStore

_WIDE = timedelta(days=32)
"""How far back a second look goes, and the first where there is a glob, whose files only the bucket knows."""


@dataclass(frozen=True)
class Expected:
    """A configured artifact with its name to show and the glob it came from; a glob stands for itself until it has backups."""

    artifact_id: ArtifactId
    name: str
    glob: ArtifactId | None = None


@dataclass(frozen=True)
class Seen:
    """What was seen of one place; `unnamed` are the artifacts with backups that the fleet file does not name."""

    histories: Mapping[ArtifactId, Sequence[Backup]]
    expected: list[Expected]
    unnamed: list[ArtifactId]


@dataclass(frozen=True)
class Look:
    """What is the same for every place; `fleets` holds the part of the fleet file that is about each server."""

    store: ObjectStore
    catalog: Catalog
    fleets: Mapping[str, Fleet]
    states: States
    now: datetime
    maximum_age: timedelta

    def at(self, place: Place) -> Seen:
        """Look at one kind of one server. Raise StoreError, CatalogError for a record of no known form."""
        fleet = self.fleets.get(place[0])
        history, expected = self._answering(place, fleet)
        captured = self.states.captured.get(place, frozenset())
        unnamed = [one for one in history.backups if _is_unnamed(one, fleet)]
        if not history.is_whole:
            unseen = {one for one in captured if _is_unnamed(one, fleet)} - set(unnamed)
            unnamed += self._recorded(place, unseen)
        return Seen(history.backups, expected, sorted(unnamed))

    def _answering(self, place: Place, fleet: Fleet | None) -> tuple[History, list[Expected]]:
        """Return what was listed since a slot that answers for every configured artifact, else all there is."""
        for since in self._starts(place, fleet):
            history = list_history(self.catalog, place, since)
            if history.foreign:
                raise history.foreign[0]
            expected = self._expected(place, fleet, history)
            if all(is_verified(history.backups.get(one.artifact_id, ())) for one in expected):
                break
        return history, expected

    def _starts(self, place: Place, fleet: Fleet | None) -> Iterator[Slot | None]:
        own = fleet.artifact_ids(place[1]) if fleet else []
        if fleet and own:
            if not any(_is_glob(fleet, one) for one in own):
                yield Slot.before(self.now, self.oldest_safe(place[1]))
            yield Slot.before(self.now, max(_WIDE, self.oldest_safe(place[1])))
        yield None

    def oldest_safe(self, kind: Kind) -> timedelta:
        """Return how old the newest verified backup of a kind may be."""
        try:
            return self.maximum_age * kind.schedule_hours
        except OverflowError:
            return timedelta.max

    def _expected(self, place: Place, fleet: Fleet | None, history: History) -> list[Expected]:
        own = fleet.artifact_ids(place[1]) if fleet else []
        return [one for artifact_id in own if fleet for one in self._expanded(artifact_id, fleet, history)]

    def _expanded(self, own: ArtifactId, fleet: Fleet, history: History) -> list[Expected]:
        if not _is_glob(fleet, own):
            return [Expected(own, str(own))]
        known = sorted({*history.backups, *self.states.captured.get(history.place, ())} - {own})
        owner = fleet.find(own)
        found = [Expected(one, str(one), own) for one in known if not one.is_safety and fleet.find(one) == owner]
        return found or [Expected(own, f"{own}-*")]

    def _recorded(self, place: Place, unseen: Set[ArtifactId]) -> list[ArtifactId]:
        """Return which of some artifacts have a record; those that ended long ago are among the first that are listed."""
        found: set[ArtifactId] = set()
        for info in self.store.list(catalog_prefix(*place)) if unseen else ():
            try:
                found |= {parse_record_key(info.key)[0].artifact_id} & unseen
            except InvalidInputError:
                continue
            if found == unseen:
                break
        return list(found)


def _is_unnamed(artifact_id: ArtifactId, fleet: Fleet | None) -> bool:
    return not artifact_id.is_safety and (fleet is None or not fleet.names(artifact_id))


def _is_glob(fleet: Fleet, artifact_id: ArtifactId) -> bool:
    found = fleet.find(artifact_id) if artifact_id.kind is Kind.DATABASE else None
    return found is not None and found[1].is_glob
