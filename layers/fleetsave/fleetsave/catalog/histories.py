"""The backups of a whole fleet, one kind of one server after the other: listed side by side, and never all in memory at once.

A listing begins at a slot, so that a look costs the same after years; where what it shows is not enough to who asks, one that
begins earlier is made instead.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.errors import CatalogError, InvalidInputError
from fleetsave.model.history import Backup, State
from fleetsave.model.keys import CENTRAL_SERVER_ID, ArtifactId, backup_prefix, catalog_prefix, parse_id
from fleetsave.model.kinds import Kind
from fleetsave.model.slots import Slot
from fleetsave.store.base import ObjectStore

Place = tuple[str, Kind]
"""One kind of one server: what lies under one prefix."""


@dataclass(frozen=True)
class History:
    """What was listed of one place: each artifact's backups, the oldest first.

    `since` is the slot the listing began at, None if they are all there ever were. `foreign` holds errors for what lies there and
    is no record; it is passed over.
    """

    place: Place
    backups: Mapping[ArtifactId, Sequence[Backup]]
    since: Slot | None
    foreign: Sequence[CatalogError]

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing older was passed over."""
        return self.since is None


Item = TypeVar("Item")
Result = TypeVar("Result")
Suffices = Callable[[History], bool]
"""Tells whether what was listed since a slot is enough; if not, more of that place is listed."""


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item], *, concurrency: int) -> Iterator[Result]:
    """Yield what `work` makes of each item, in their order, doing at most `concurrency` at once.

    At most twice as many results are in memory. Raise what `work` raised for the first item it did so for.
    """
    with ThreadPoolExecutor(concurrency, thread_name_prefix="histories") as pool:
        under_way: deque[Future[Result]] = deque()
        try:
            for item in items:
                under_way.append(pool.submit(work, item))
                if len(under_way) >= 2 * concurrency:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()


def list_enough(catalog: Catalog, place: Place, begin: Sequence[Slot], suffices: Suffices) -> History:
    """Return the history of one place since the first of these slots that shows enough, else all of it. Raise StoreError."""
    for since in begin:
        history = list_history(catalog, place, since)
        if suffices(history):
            return history
    return list_history(catalog, place)


def list_history(catalog: Catalog, place: Place, since: Slot | None = None) -> History:
    """Return the history of one place, whole or since a slot. Raise StoreError."""
    server_id, kind = place
    foreign: list[CatalogError] = []
    listed = (
        catalog.backups(server_id, kind, foreign=foreign)
        if since is None
        else catalog.backups_since(server_id, kind, since, foreign=foreign)
    )
    found: dict[ArtifactId, list[Backup]] = {}
    for backup in listed:
        found.setdefault(backup.key.artifact_id, []).append(backup)
    ordered = {one: sorted(found[one], key=lambda backup: backup.key) for one in sorted(found)}
    return History(place, ordered, since, foreign)


def is_verified(backups: Sequence[Backup]) -> bool:
    """Tell whether there is a verified backup among them."""
    return any(backup.state is State.VERIFIED for backup in backups)


def listed_servers(store: ObjectStore) -> tuple[list[str], list[CatalogError]]:
    """Return the ids of the servers that the catalog has records of, and an error for each folder that is none's.

    That takes one LIST call for a thousand servers. Raise StoreError.
    """
    folders, central = f"{catalog_prefix()}{backup_prefix()}", backup_prefix(CENTRAL_SERVER_ID).rstrip("/")
    servers: list[str] = []
    foreign: list[CatalogError] = []
    for name in sorted(store.folders(folders)):
        try:
            servers.append(parse_id(name, "server id"))
        except InvalidInputError:
            foreign.append(_foreign(f"{folders}{name}/"))
    for name in sorted(store.folders(catalog_prefix())):
        if name == central:
            servers.append(CENTRAL_SERVER_ID)
        elif name != backup_prefix().rstrip("/"):
            foreign.append(_foreign(f"{catalog_prefix()}{name}/"))
    return servers, foreign


def listed_places(store: ObjectStore, server_id: str) -> tuple[list[Place], list[CatalogError]]:
    """Return the kinds of one server that the catalog has records of, and an error for what is none, in one call.

    Raise StoreError.
    """
    prefix = catalog_prefix(server_id)
    names = sorted(store.folders(prefix))
    places = [(server_id, Kind(name)) for name in names if name in list(Kind)]
    return places, [_foreign(f"{prefix}{name}/") for name in names if name not in list(Kind)]


def _foreign(key: str) -> CatalogError:
    return CatalogError(
        "list records", key[:300], "no server or kind is named so", "Move it out of catalog/, where only records are."
    )
