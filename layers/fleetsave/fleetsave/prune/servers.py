"""Which servers a run looks at, and where it begins, so that a run that ends early does not always leave the same ones."""

from collections.abc import Sequence
from datetime import datetime

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.fleet import Fleet
from fleetsave.model.keys import CENTRAL_SERVER_ID, backup_prefix, catalog_prefix, parse_id
from fleetsave.prune.report import Irregularity
from fleetsave.store.base import ObjectStore

_GOLDEN = 0.618033988749894848
"""Steps of this part of a circle never leave a large gap on it, however many were made (the three-gap theorem)."""


def find_servers(store: ObjectStore, fleet: Fleet) -> tuple[list[str], list[Irregularity]]:
    """Return the ids of all servers that have backups, records or a place in the fleet file, and what else lies among them.

    A listing that is cut hides a server from one of the three at most. Raise StoreError.
    """
    servers = {CENTRAL_SERVER_ID, *fleet.server_ids}
    irregularities = [_irregular(info.key) for info in store.files(backup_prefix())]
    for prefix in (backup_prefix(), f"{catalog_prefix()}{backup_prefix()}"):
        for name in sorted(store.folders(prefix)):
            if _is_server(name):
                servers.add(name)
            else:
                irregularities.append(_irregular(f"{prefix}{name}/"))
    return sorted(servers), irregularities


def in_turn(servers: Sequence[str], now: datetime) -> list[str]:
    """Return the servers from the one whose turn it is at an hour of a day, around to the one before it.

    If a daily run comes as far as one in n of them, each is reached within 2 n + 1 days, and nothing has to be remembered. The
    runs of several hours of a day begin as far from one another.
    """
    turn = now.toordinal() + now.hour
    start = int(len(servers) * (turn * _GOLDEN % 1))
    return [*servers[start:], *servers[:start]]


def _is_server(name: str) -> bool:
    try:
        return parse_id(name, "server id") != CENTRAL_SERVER_ID  # which has a place of its own
    except InvalidInputError:
        return False


def _irregular(key: str) -> Irregularity:
    return Irregularity(key, "it belongs to no server; prune leaves it alone")
