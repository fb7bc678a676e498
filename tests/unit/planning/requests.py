"""Requests on the bucket of prune's tests, whose fleet is alpha (a database and a glob) and beta (a database)."""

from dataclasses import replace
from typing import Any

from fleetsave.model.fleet import Fleet
from fleetsave.model.kinds import Kind
from fleetsave.model.recovery_records import RecoveryRequest

NEWEST = RecoveryRequest("alpha", Kind.DATABASE, "alpha", "somebody", "1" * 64, artifact="database")
"""Asks for the newest verified backup of alpha's database, into its place."""

SSH = {"host": "localhost", "user": "backup", "host_keys": ["ssh-ed25519 AAAA"], "key_secret": "fleetsave/ssh/read"}


def ask(**changes: Any) -> RecoveryRequest:
    """Return the request with these fields changed."""
    return replace(NEWEST, **changes)


def fleet_of(*databases: dict[str, Any], recovery: dict[str, Any] | None = None) -> Fleet:
    """Return a fleet of alpha with these databases, and beta with one."""
    alpha = {"id": "alpha", "ssh": SSH, "databases": list(databases), "recovery": recovery or {}}
    beta = {"id": "beta", "ssh": SSH, "databases": [{"path": "/srv/game.db"}]}
    return Fleet.model_validate({"servers": [alpha, beta]})
