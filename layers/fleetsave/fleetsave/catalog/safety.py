"""Whether each artifact of the fleet is safe: does it have a fresh verified backup? Answered from the bucket alone."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.durations import spell
from fleetsave.model.errors import ObjectNotFoundError
from fleetsave.model.fleet import Fleet, Server, SqliteDatabase
from fleetsave.model.history import Backup, State
from fleetsave.model.keys import ArtifactId
from fleetsave.model.kinds import Kind
from fleetsave.model.retention import CLOCK_TOLERANCE
from fleetsave.store.base import ObjectStore


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


def assess(fleet: Fleet, store: ObjectStore, catalog: Catalog, maximum_age: timedelta) -> FleetSafety:
    """Look at every artifact of the fleet.

    `maximum_age` is that of what is captured every hour; what is captured less often may be as many times older.
    Raise StoreError, CatalogError for a record of no known form.
    """
    now = store.now()
    histories: dict[ArtifactId, list[Backup]] = {}
    for backup in catalog.backups():
        if backup.key.artifact_id.is_safety:
            continue
        histories.setdefault(backup.key.artifact_id, []).append(backup)
    artifacts = [
        _assess(
            name,
            histories.get(artifact_id, []),
            _failure(store, artifact_id, glob),
            now,
            maximum_age * artifact_id.kind.schedule_hours,
        )
        for artifact_id, name, glob in _configured(fleet, sorted(histories))
    ]
    unnamed = [str(artifact_id) for artifact_id in sorted(histories) if not fleet.names(artifact_id)]
    return FleetSafety(now, maximum_age, artifacts, unnamed)


def _configured(fleet: Fleet, known: Sequence[ArtifactId]) -> Iterator[tuple[ArtifactId, str, ArtifactId | None]]:
    """Yield each artifact with its name to show and the glob it came from; a glob stands for itself until it has backups."""
    for server, database in fleet.artifacts(Kind.DATABASE):
        own = ArtifactId(server.id, Kind.DATABASE, database.name)
        found = [one for one in known if fleet.find(one) == (server, database)] if database.is_glob else []
        if found:
            yield from ((one, str(one), own) for one in found)
        else:
            yield own, _name(server, database), None
    for kind in (Kind.POSTGRESQL, Kind.FILES, Kind.FULL):
        for own in fleet.artifact_ids(kind):
            yield own, str(own), None


def _name(server: Server, database: SqliteDatabase) -> str:
    return f"{server.id}/{Kind.DATABASE}/{database.name}{'-*' if database.is_glob else ''}"


def _assess(
    name: str, history: Sequence[Backup], failure: Mapping[str, Any] | None, now: datetime, maximum_age: timedelta
) -> ArtifactSafety:
    existing = sorted((b for b in history if b.state is not State.PRUNED), key=lambda b: b.key)
    newest = existing[-1] if existing else None
    verified = next((b for b in reversed(existing) if b.state is State.VERIFIED), None)
    age = now - verified.key.slot.at if verified else None
    problem = _problem(age, maximum_age, has_backups=newest is not None)
    return ArtifactSafety(
        artifact=name,
        is_safe=problem is None,
        problem=problem,
        newest_verified_key=verified.key.text if verified else None,
        newest_verified_age_seconds=age.total_seconds() if age is not None else None,
        newest_key=newest.key.text if newest else None,
        newest_state=newest.state if newest else None,
        last_failure=failure,
    )


def _problem(age: timedelta | None, maximum_age: timedelta, *, has_backups: bool) -> str | None:
    if age is None:
        return "no backup of it is verified" if has_backups else "there is no backup of it"
    if age > maximum_age:
        return f"its newest verified backup is {spell(age)} old"
    if age < -CLOCK_TOLERANCE:
        return "its newest verified backup stands for a time in the future: a clock is wrong"
    return None


def last_failure(store: ObjectStore, artifact_id: ArtifactId) -> Mapping[str, Any] | None:
    """Return why the last run of an artifact stored nothing, None if nothing is known: state may be lost at any time."""
    try:
        state = json.loads(store.get(artifact_id.state_key))
    except (ObjectNotFoundError, ValueError):
        return None
    failure = state.get("failure") if isinstance(state, dict) else None
    return failure if isinstance(failure, dict) else None


def _failure(store: ObjectStore, artifact_id: ArtifactId, glob: ArtifactId | None) -> Mapping[str, Any] | None:
    """Return why the last run of an artifact, or of the glob it came from, stored nothing."""
    return last_failure(store, artifact_id) or (last_failure(store, glob) if glob else None)
