"""What people were told: remembered from look to look in `state/watchdog/notices.json`, which may be lost.

Lost, or not understood, it costs one summary of everything that is open.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from fleetsave.model.errors import ObjectNotFoundError
from fleetsave.model.watch import Problem
from fleetsave.notices.notice import Notice
from fleetsave.store.base import ObjectStore

TOLD_KEY = "state/watchdog/notices.json"
_LARGEST = 64 << 20
"""Bytes; a problem takes some 700 of them, so that this is every artifact of 10,000 servers in trouble."""


@dataclass(frozen=True)
class Known:
    """A problem that was seen, and how far people know of it.

    `first_seen` is the look it first stood in, `told_at` when it was last told of and `told_times` how often. `good_looks` are
    those since in which it was not there, the first of them at `good_since`. One that is over is kept for a day from `over_at`;
    `returned` counts how often it came back within a day of that.
    """

    problem: Problem
    first_seen: AwareDatetime
    told_at: AwareDatetime | None = None
    told_times: int = 0
    good_looks: int = 0
    good_since: AwareDatetime | None = None
    over_at: AwareDatetime | None = None
    returned: int = 0

    @property
    def is_open(self) -> bool:
        """Tell whether it is not over."""
        return self.over_at is None


@dataclass(frozen=True)
class Waiting:
    """What a channel has yet to take, the oldest first, and how many were dropped because too many waited."""

    notices: tuple[Notice, ...] = ()
    dropped: int = 0


@dataclass(frozen=True)
class Told:
    """Everything remembered between looks.

    `known` is by the identity of the problem, `waiting` by the name of the channel, with every channel there is, and `pinged` by
    artifact: the newest verified backup a ping was sent for. `mended` and `did` count what ended, by kind, and what the
    watchdog did, since `digest_at`, the last weekly notice. `lost` is true in memory alone: nothing was remembered.
    """

    version: Literal[1] = 1
    known: Mapping[str, Known] = field(default_factory=dict)
    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    pinged: Mapping[str, str] = field(default_factory=dict)
    mended: Mapping[str, int] = field(default_factory=dict)
    did: Mapping[str, int] = field(default_factory=dict)
    digest_at: AwareDatetime | None = None
    reminded_at: AwareDatetime | None = None

    @property
    def lost(self) -> bool:
        """Tell whether nothing was remembered; every look but that leaves the time of a weekly notice, or of a first summary."""
        return self.digest_at is None

    def open(self) -> list[Known]:
        """Return what is not over, as it was first seen."""
        return sorted((one for one in self.known.values() if one.is_open), key=lambda one: one.first_seen)

    def not_after(self, now: datetime) -> "Told":
        """Return the same with no time later than `now`: a clock that was wrong for a while must not silence anything."""

        def bounded(moment: datetime | None) -> datetime | None:
            return min(moment, now) if moment else None

        known = {
            identity: replace(
                one,
                first_seen=min(one.first_seen, now),
                told_at=bounded(one.told_at),
                good_since=bounded(one.good_since),
                over_at=bounded(one.over_at),
            )
            for identity, one in self.known.items()
        }
        return replace(self, known=known, digest_at=bounded(self.digest_at), reminded_at=bounded(self.reminded_at))


_TOLD = TypeAdapter(Told)


def read_told(store: ObjectStore) -> Told:
    """Return what was remembered, nothing if it is not there or not understood. Raise StoreError if the store does not answer."""
    try:
        told = _TOLD.validate_json(store.get(TOLD_KEY, limit=_LARGEST))
    except (ObjectNotFoundError, ValidationError):
        return Told()
    naive = any(one.problem.since.tzinfo is None for one in told.known.values())
    return Told() if naive else told


def write_told(store: ObjectStore, told: Told) -> None:
    """Remember. Raise StoreError if the store does not take it."""
    content = {"version": told.version, **_TOLD.dump_python(told, mode="json", exclude_defaults=True)}
    store.put(TOLD_KEY, json.dumps(content, separators=(",", ":")).encode())
