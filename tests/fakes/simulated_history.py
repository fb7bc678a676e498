"""What a simulated server has backed up and what is wrong with it, as a function of its number and of the time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache

from fleetsave.model.kinds import Kind
from fleetsave.store.base import ObjectInfo

DATA_DAYS = 31
"""Days of data, the oldest of which is due to be pruned."""

ARTIFACTS = {Kind.DATABASE: "database", Kind.FILES: "files", Kind.FULL: "full"}
_STORED_AFTER, _VERIFIED_AFTER, _PRUNED_AFTER = timedelta(minutes=2), timedelta(minutes=4), timedelta(days=30, hours=12)
_SIZES = {Kind.DATABASE: 40 << 20, Kind.FILES: 300 << 20, Kind.FULL: 2 << 30}
_SLOT = re.compile(r"_([0-9]{8})_([0-9]{2})[0-9]{4}")


class Fault(StrEnum):
    """What is wrong with one server of twenty; which one is its place in `FAULTS`."""

    MISSING = "its database of five hours ago was not captured"
    UNVERIFIED = "its database of an hour ago has no verdict"
    UNSAFE = "its database was not captured for six hours"
    ORPHAN = "its files of twelve hours ago have no record"
    LOST = "its database of ten days ago has records and no data"
    HALF_PRUNED = "its oldest database is marked as pruned and still there"
    SUSPECT = "its newest full backup is suspect"
    PINNED = "its oldest database is pinned"


FAULTS = {2 * place + 1: fault for place, fault in enumerate(Fault)}


def fault_of(number: int) -> Fault | None:
    """Return what is wrong with a server."""
    return FAULTS.get(number % 20)


def server_id(number: int) -> str:
    """Return the id of a server; ids sort as their numbers do."""
    return f"server-{number:05d}"


def server_number(server: str) -> int | None:
    """Return the number of a server, None if it is none of ours."""
    number = server.removeprefix("server-")
    return int(number) if number.isdigit() and server_id(int(number)) == server else None


@dataclass
class SimulatedBackup:
    """One backup: whether its data is there, and what stands beside an archive, and what records it has.

    `marked_at` is when it was marked as pruned, None if that was long ago.
    """

    number: int
    kind: Kind
    hour: int
    has_data: bool
    has_beside: bool
    records: tuple[str, ...]
    is_marked: bool
    marked_at: datetime | None = None

    def data_objects(self) -> Iterator[ObjectInfo]:
        """Yield the objects of the data in the order of their keys."""
        stored_at = _moment(self.hour) + _STORED_AFTER
        if self.has_beside:
            yield ObjectInfo(f"{_stem(self.number, self.kind, self.hour)}.manifest.jsonl.zst", 4096, "0" * 32, stored_at, {})
        if self.has_data:
            yield ObjectInfo(self._key, _SIZES[self.kind], "0" * 32, stored_at, {})

    def record_objects(self) -> Iterator[ObjectInfo]:
        """Yield the records in the order of their keys."""
        names = sorted((*self.records, "pruned")) if self.is_marked else self.records
        prefix, moment = f"catalog/{self._key}/", _moment(self.hour)
        for name in names:
            after = _STORED_AFTER if name == "stored" else _PRUNED_AFTER if name == "pruned" else _VERIFIED_AFTER
            written_at = self.marked_at if name == "pruned" and self.marked_at else moment + after
            yield ObjectInfo(f"{prefix}{name}.json", 2048, "0" * 32, written_at, {})

    @property
    def _key(self) -> str:
        return f"{_stem(self.number, self.kind, self.hour)}.{self.kind.extension}.zst"


def backup_at(number: int, kind: Kind, hour: int, now: datetime) -> SimulatedBackup:
    """Return the backup of a server for a slot, in hours since 1970, as it is before prune runs."""
    first, newest = first_data_hour(kind, now), newest_hour(kind, now)
    has_data = hour >= first
    backup = SimulatedBackup(
        number, kind, hour, has_data, has_data and kind is not Kind.DATABASE, ("stored", "verified"), not has_data
    )
    fault = fault_of(number)
    if fault is None:
        return backup
    age = newest - hour
    match fault, kind:
        case Fault.MISSING, Kind.DATABASE if age == 5:
            backup.has_data, backup.records = False, ()
        case Fault.UNVERIFIED, Kind.DATABASE if age == 1:
            backup.records = ("stored",)
        case Fault.UNSAFE, Kind.DATABASE if age < 6:
            backup.has_data, backup.records = False, ()
        case Fault.ORPHAN, Kind.FILES if age == 12:
            backup.records = ()
        case Fault.LOST, Kind.DATABASE if age == 240:
            backup.has_data = False
        case Fault.HALF_PRUNED, Kind.DATABASE if hour == first:
            backup.is_marked = True
        case Fault.SUSPECT, Kind.FULL if age == 0:
            backup.records = ("stored", "suspect")
        case Fault.PINNED, Kind.DATABASE if hour == first:
            backup.records = ("pinned", "stored", "verified")
    return backup


def hours_of(kind: Kind, now: datetime, years: float, start_after: str) -> range:
    """Return the slots for which there may be a backup, or those of them that may sort after a key."""
    every = kind.schedule_hours
    first = first_data_hour(kind, now) - int(years * 365 * 24) // every * every
    match = _SLOT.search(start_after)
    if match is not None:
        asked = datetime.strptime(match[1] + match[2], "%Y%m%d%H").replace(tzinfo=UTC)
        first = max(first, int(asked.timestamp()) // 3600 // every * every)
    return range(first, newest_hour(kind, now) + 1, every)


@cache
def first_data_hour(kind: Kind, now: datetime) -> int:
    """Return the slot of the oldest data."""
    seconds = int((now - timedelta(days=DATA_DAYS) - _STORED_AFTER).timestamp())
    return -(-seconds // 3600 // kind.schedule_hours) * kind.schedule_hours


@cache
def newest_hour(kind: Kind, now: datetime) -> int:
    """Return the newest slot whose backup is there and judged."""
    return int((now - _VERIFIED_AFTER).timestamp()) // 3600 // kind.schedule_hours * kind.schedule_hours


def _stem(number: int, kind: Kind, hour: int) -> str:
    server = server_id(number)
    return f"servers/{server}/{kind}/{server}_{_slot(hour)}_{ARTIFACTS[kind]}"


@cache
def _slot(hour: int) -> str:
    return f"{_moment(hour):%Y%m%d_%H%M%S}"


@cache
def _moment(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * 3600, UTC)
