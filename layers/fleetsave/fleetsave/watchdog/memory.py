"""What the watchdog remembers between looks, and the last look for everybody to read; both may be lost.

Lost memory is as if the last look had been a quarter of an hour ago, and nothing had been wrong with what is compared once a day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from fleetsave.model.due import LOOK_EVERY
from fleetsave.model.errors import ObjectNotFoundError
from fleetsave.model.watch import Problem, WatchReport
from fleetsave.store.base import ObjectStore

MEMORY_KEY = "state/watchdog.json"
REPORT_KEY = "state/watchdog/report.json"
_LARGEST = 64 << 20
"""Bytes; a problem takes some 700 of them, so that this is every artifact of 10,000 servers in trouble."""


@dataclass(frozen=True)
class Longterm:
    """What a listing of a month or more has shown of one artifact at a time: its worst window, and slots that were missed."""

    at: AwareDatetime
    worst_window_seconds: float | None
    missed_slots: int


@dataclass(frozen=True)
class Memory:
    """When the last look was, and what the last comparisons with the data showed.

    All by place (`server/kind`): `carried` is what was wrong where it was last looked at whole, `stored_bytes` how much was
    stored there, and `longterm` what was seen of each artifact that should be there, by its name.
    """

    looked_at: AwareDatetime
    carried: Mapping[str, Sequence[Problem]] = field(default_factory=dict)
    stored_bytes: Mapping[str, int] = field(default_factory=dict)
    longterm: Mapping[str, Mapping[str, Longterm]] = field(default_factory=dict)


_MEMORY = TypeAdapter(Memory)
_REPORT = TypeAdapter(WatchReport)


def read_memory(store: ObjectStore, now: datetime) -> Memory:
    """Return what was remembered; what is lost, unreadable, or of a time to come counts as nothing. Raise StoreError."""
    forgotten = Memory(now - LOOK_EVERY)
    try:
        memory = _MEMORY.validate_json(store.get(MEMORY_KEY, limit=_LARGEST))
    except (ObjectNotFoundError, ValidationError):
        return forgotten
    naive = any(one.since.tzinfo is None for found in memory.carried.values() for one in found)
    return forgotten if naive or memory.looked_at > now else memory


def write_memory(store: ObjectStore, memory: Memory) -> None:
    """Remember. Raise StoreError if the store does not take it."""
    store.put(MEMORY_KEY, _MEMORY.dump_json(memory))


def write_report(store: ObjectStore, report: WatchReport) -> None:
    """Publish a look. Raise StoreError if the store does not take it."""
    store.put(REPORT_KEY, _REPORT.dump_json(report, indent=1))
