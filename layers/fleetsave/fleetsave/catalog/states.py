"""What one listing of the state files tells of a whole fleet: what was ever captured, and whose last run may have failed.

State may be lost at any time, so it only adds to what the catalog shows.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from fleetsave.catalog.histories import Place
from fleetsave.model.errors import ObjectNotFoundError
from fleetsave.model.keys import ArtifactId, parse_state_key, state_prefix
from fleetsave.store.base import ObjectStore

_SAYS_NOTHING = 100
"""Bytes: state with a failure in it is always longer, and that of an artifact whose last run went well is shorter."""


@dataclass(frozen=True)
class States:
    """The artifacts of each place that have state, and those whose state says more than that all is well."""

    captured: Mapping[Place, Set[ArtifactId]]
    telling: Set[ArtifactId]


def list_states(store: ObjectStore, server_id: str | None = None) -> States:
    """List the state of the fleet or of one server, in a call for every thousand artifacts. Raise StoreError."""
    captured: defaultdict[Place, set[ArtifactId]] = defaultdict(set)
    telling: set[ArtifactId] = set()
    for info in store.list(state_prefix(server_id)):
        artifact_id = parse_state_key(info.key)
        if artifact_id is not None:
            captured[artifact_id.server_id, artifact_id.kind].add(artifact_id)
            if info.size > _SAYS_NOTHING:
                telling.add(artifact_id)
    return States(captured, telling)


def last_failure(store: ObjectStore, artifact_id: ArtifactId) -> Mapping[str, Any] | None:
    """Return why the last run of an artifact stored nothing, None if nothing is known: state may be lost at any time."""
    try:
        state = json.loads(store.get(artifact_id.state_key))
    except (ObjectNotFoundError, ValueError):
        return None
    failure = state.get("failure") if isinstance(state, dict) else None
    return failure if isinstance(failure, dict) else None
