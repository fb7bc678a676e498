"""Where to look: what the fleet file names, and what else the bucket has records or data of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from fleetsave.catalog.histories import Place, listed_places, listed_servers, side_by_side
from fleetsave.model.due import newest_turn
from fleetsave.model.errors import CatalogError, FleetsaveError, InvalidInputError
from fleetsave.model.fleet import Fleet
from fleetsave.model.keys import CENTRAL_SERVER_ID, backup_prefix, parse_id
from fleetsave.model.kinds import Kind
from fleetsave.store.base import ObjectStore


@dataclass
class Found:
    """Places to look at; of each server that was asked, errors for folders that are nobody's, and why one could not be asked."""

    places: set[Place] = field(default_factory=set)
    foreign: dict[str, list[CatalogError]] = field(default_factory=dict)
    unlisted: dict[str, FleetsaveError] = field(default_factory=dict)


def known_servers(store: ObjectStore) -> tuple[set[str], list[CatalogError]]:
    """Return the servers that the bucket has records or data of, and errors for folders that are none's. Raise StoreError."""
    servers, foreign = listed_servers(store)
    known = set(servers)
    for name in sorted(store.folders(backup_prefix())):
        try:
            known.add(parse_id(name, "server id"))
        except InvalidInputError:
            foreign.append(_nobodys(f"{backup_prefix()}{name}/"))
    if any(True for _ in store.folders(backup_prefix(CENTRAL_SERVER_ID))):
        known.add(CENTRAL_SERVER_ID)
    return known, foreign


def turns_of(servers: Iterable[str], last_look: datetime, now: datetime) -> dict[str, tuple[datetime, datetime]]:
    """Return the servers whose daily turn came since the last look, each with its turn before and this one."""
    turns = {server_id: (newest_turn(server_id, last_look), newest_turn(server_id, now)) for server_id in servers}
    return {server_id: turn for server_id, turn in turns.items() if turn[0] != turn[1]}


def find_places(
    store: ObjectStore, servers: set[str], fleets: Mapping[str, Fleet], deep: frozenset[str], *, concurrency: int
) -> Found:
    """Return every kind of every server that is to be looked at.

    Of servers that the fleet file names that is what it names, and all there is where they are looked at whole; of others all
    there is.
    """
    found = Found({(server_id, kind) for server_id, fleet in fleets.items() for kind in Kind if fleet.artifact_ids(kind)})
    asked = sorted(server_id for server_id in servers | deep if server_id not in fleets or server_id in deep)
    results = side_by_side(partial(_in_bucket, store), asked, concurrency=concurrency)
    for server_id, result in zip(asked, results, strict=True):
        if isinstance(result, FleetsaveError):
            found.unlisted[server_id] = result
        else:
            found.places |= result[0]
            found.foreign[server_id] = result[1]
    return found


def _in_bucket(store: ObjectStore, server_id: str) -> tuple[set[Place], list[CatalogError]] | FleetsaveError:
    """Return the kinds of one server that there are records or data of, and errors for what is none."""
    prefix = backup_prefix(server_id)
    try:
        places, foreign = listed_places(store, server_id)
        names = sorted(store.folders(prefix))
    except FleetsaveError as error:
        return error
    found = {*places, *((server_id, Kind(name)) for name in names if name in list(Kind))}
    return found, [*foreign, *(_nobodys(f"{prefix}{name}/") for name in names if name not in list(Kind))]


def _nobodys(key: str) -> CatalogError:
    return CatalogError("list data", key[:300], "no server or kind is named so", "It is left alone; move it out of the way.")
