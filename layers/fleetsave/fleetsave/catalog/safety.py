"""Whether each artifact of the fleet is safe: does it have a fresh verified backup? Answered from the bucket alone.

One kind of one server is looked at after the other, several side by side, and mostly at its newest slots alone: what that costs
does not grow with the years (docs/decisions/0060).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.histories import Place, listed_places, listed_servers, side_by_side
from fleetsave.catalog.safety_look import Expected, Look
from fleetsave.catalog.states import last_failure, list_states
from fleetsave.model.durations import spell
from fleetsave.model.errors import CatalogError
from fleetsave.model.fleet import Fleet
from fleetsave.model.history import Backup, State
from fleetsave.model.keys import ArtifactId
from fleetsave.model.kinds import Kind
from fleetsave.model.retention import CLOCK_TOLERANCE
from fleetsave.store.base import ObjectStore

_CONCURRENCY = 16
_ORDER = (Kind.DATABASE, Kind.POSTGRESQL, Kind.FILES, Kind.FULL)


@dataclass(frozen=True)
class ArtifactSafety:
    """One artifact; ages in seconds, counted from the slot by the store's clock.

    `artifact` ends with `-*` for a glob of which no file has a backup yet. `problem` is why it is not safe.
    """

    artifact: str
    is_safe: bool
    problem: str | None
    newest_verified_key: str | None
    newest_verified_age_seconds: float | None
    newest_key: str | None
    newest_state: State | None
    last_failure: Mapping[str, Any] | None


@dataclass(frozen=True)
class FleetSafety:
    """Every configured artifact, and the artifacts with backups that the fleet file does not name.

    Backups made before a recovery are neither: they are made when one is asked for, and prove nothing of the artifact now.
    """

    checked_at: datetime
    maximum_age: timedelta
    artifacts: list[ArtifactSafety]
    not_in_fleet: list[str]

    @property
    def is_safe(self) -> bool:
        """Tell whether every configured artifact is safe."""
        return all(artifact.is_safe for artifact in self.artifacts)


def assess(
    fleet: Fleet, store: ObjectStore, catalog: Catalog, maximum_age: timedelta, server_id: str | None = None
) -> FleetSafety:
    """Look at every artifact of the fleet, or of one server.

    `maximum_age` is that of what is captured every hour; what is captured less often may be as many times older.
    Raise StoreError, CatalogError for a record of no known form.
    """
    now = store.now()
    fleets = fleet.by_server()
    look = Look(store, catalog, fleets, list_states(store, server_id), now, maximum_age)
    judge = partial(_judged, look=look)
    places = sorted(_places(store, fleets) if server_id is None else _places_of(store, fleets, server_id))
    judged = dict(zip(places, side_by_side(judge, places, concurrency=_CONCURRENCY), strict=True))
    configured = [(server_id, kind) for kind in _ORDER for server_id in fleet.server_ids if (server_id, kind) in judged]
    unnamed = sorted(chain.from_iterable(one.unnamed for one in judged.values()))
    return FleetSafety(
        now,
        maximum_age,
        list(chain.from_iterable(judged[place].artifacts for place in configured)),
        [str(artifact_id) for artifact_id in unnamed],
    )


@dataclass(frozen=True)
class _Judged:
    artifacts: list[ArtifactSafety]
    unnamed: list[ArtifactId]


def _places(store: ObjectStore, fleets: Mapping[str, Fleet]) -> set[Place]:
    """Return every kind of every server that the fleet file names or the catalog has records of. Raise as `assess` does."""
    listed, foreign = listed_servers(store)
    _refuse(foreign)
    servers = sorted({*fleets, *listed})
    return set(chain.from_iterable(side_by_side(partial(_places_of, store, fleets), servers, concurrency=_CONCURRENCY)))


def _places_of(store: ObjectStore, fleets: Mapping[str, Fleet], server_id: str) -> set[Place]:
    fleet = fleets.get(server_id)
    listed, foreign = listed_places(store, server_id)
    _refuse(foreign)
    return {*listed, *((server_id, kind) for kind in Kind if fleet and fleet.artifact_ids(kind))}


def _refuse(foreign: Sequence[CatalogError]) -> None:
    if foreign:
        raise foreign[0]


def _judged(place: Place, look: Look) -> _Judged:
    """Look at one place, and keep no more of it than what is told."""
    seen = look.at(place)
    return _Judged([_assess(one, seen.histories.get(one.artifact_id, ()), look) for one in seen.expected], seen.unnamed)


def _assess(expected: Expected, history: Sequence[Backup], look: Look) -> ArtifactSafety:
    existing = sorted((b for b in history if b.state is not State.PRUNED), key=lambda b: b.key)
    newest = existing[-1] if existing else None
    verified = next((b for b in reversed(existing) if b.state is State.VERIFIED), None)
    age = look.now - verified.key.slot.at if verified else None
    problem = _problem(age, look.oldest_safe(expected.artifact_id.kind), has_backups=newest is not None)
    return ArtifactSafety(
        artifact=expected.name,
        is_safe=problem is None,
        problem=problem,
        newest_verified_key=verified.key.text if verified else None,
        newest_verified_age_seconds=age.total_seconds() if age is not None else None,
        newest_key=newest.key.text if newest else None,
        newest_state=newest.state if newest else None,
        last_failure=_failure(look, expected.artifact_id, expected.glob),
    )


def _problem(age: timedelta | None, maximum_age: timedelta, *, has_backups: bool) -> str | None:
    if age is None:
        return "no backup of it is verified" if has_backups else "there is no backup of it"
    if age > maximum_age:
        return f"its newest verified backup is {spell(age)} old"
    if age < -CLOCK_TOLERANCE:
        return "its newest verified backup stands for a time in the future: a clock is wrong"
    return None


def _failure(look: Look, artifact_id: ArtifactId, glob: ArtifactId | None) -> Mapping[str, Any] | None:
    """Return why the last run of an artifact, or of the glob it came from, stored nothing; most states need not be read."""
    for one in (artifact_id, glob):
        failure = last_failure(look.store, one) if one is not None and one in look.states.telling else None
        if failure is not None:
            return failure
    return None
