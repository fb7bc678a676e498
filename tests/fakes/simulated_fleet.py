"""A bucket of a fleet of any size, made up as it is asked for: gigabytes of records that nobody has to hold.

Each server has a database (hourly), files (every six hours) and a full backup (daily): the data of a month, of which one day is
due to be pruned, and before it the records of what was pruned long ago. What is wrong with which: `simulated_history`.
"""

import threading
import time
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pydantic import TypeAdapter

from fleetsave.catalog.fleet_file import MAXIMUM_BYTES, parse_fleet
from fleetsave.model.errors import InvalidInputError, ObjectExistsError, ObjectNotFoundError
from fleetsave.model.fleet import Fleet
from fleetsave.model.keys import FLEET_KEY, BackupKey, parse_beside_key, parse_record_key
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.records import StoredRecord
from fleetsave.store.base import ObjectInfo, OpenUpload
from tests.fakes.simulated_history import (
    ARTIFACTS,
    Fault,
    SimulatedBackup,
    backup_at,
    fault_of,
    first_data_hour,
    hours_of,
    server_id,
    server_number,
)
from tests.unit.prune.bucket import stored

NOW = datetime(2026, 6, 15, 4, 30, tzinfo=UTC)
PAGE = 1000
KINDS = tuple(ARTIFACTS)
_FLEET = "version: 1\nservers:\n"
_SERVER = """  - id: {id}
    ssh: {{host: {id}.example.net, user: backup, host_keys: ["ssh-ed25519 AAAA"], key_secret: fleetsave/ssh/read}}
    databases: [{{path: /srv/game.db}}]
    files: [{{path: /srv/game}}]
    full: {{}}
"""
_NO_STATE = b'{"transfer":null,"failure":null}'
_FAILED = (
    b'{"transfer":null,"failure":{"error":"TransportError","operation":"connect","target":"server","cause":"no answer",'
    b'"hint":"Look at it.","retryable":true,"slot":"20260615_040000","at":"2026-06-15T04:01:00Z","reason":null}}'
)

_T = TypeVar("_T")


def simulated_fleet_file(servers: int) -> Fleet:
    """Return the fleet file of as many servers, without the minute that YAML of that size takes."""
    fleet = parse_fleet(_FLEET + _SERVER.format(id=server_id(0)))
    one = fleet.servers[0]
    return fleet.model_copy(update={"servers": [one.model_copy(update={"id": server_id(n)}) for n in range(servers)]})


class SimulatedFleet:
    """The object store of `servers` servers, whose records go back `years` beyond the data.

    Every call, a page of a listing being one, takes `latency` seconds and is counted in `calls`; `entries` counts what was
    listed. What prune writes and deletes is remembered in a few bits. Nothing can be uploaded, and no verdict can be read.
    """

    def __init__(self, servers: int, *, years: float = 1.0, latency: float = 0.0, at: datetime = NOW) -> None:
        self.servers = servers
        self.calls: Counter[str] = Counter()
        self.entries = 0
        self._at = at
        self._years = years
        self._latency = latency
        self._began = time.monotonic()
        self._lock = threading.Lock()
        text = _FLEET + "".join(_SERVER.format(id=server_id(number)) for number in range(servers))
        self._others = {FLEET_KEY: text.encode()} if len(text) <= MAXIMUM_BYTES else {}
        # One bit a slot, from the oldest data of a server and kind on.
        self._marked, self._gone, self._beside_gone = (array("Q", bytes(8 * len(KINDS) * servers)) for _ in range(3))

    def list(self, prefix: str, *, start_after: str | None = None) -> Iterator[ObjectInfo]:
        """List what lies under a prefix, a page a call."""
        after = start_after or ""
        return self._paged("list", (info for info in self._listed(prefix, after) if info.key > after))

    def folders(self, prefix: str) -> Iterator[str]:
        """List the names under a prefix that end with a `/`."""
        return self._paged("folders", self._folders(prefix))

    def files(self, prefix: str) -> Iterator[ObjectInfo]:
        """List nothing, in as many pages as the folders beside it take."""
        for _ in self._paged("files", self._folders(prefix)):
            pass
        yield from ()

    def head(self, key: str) -> ObjectInfo:
        """Describe an object."""
        self._call("head")
        return self._find("head", key)

    def get(self, key: str, *, limit: int = 16 << 20) -> bytes:
        """Read state, `stored.json`, or what was written."""
        self._call("get")
        self._find("get", key)
        if key.endswith("/stored.json"):
            return TypeAdapter(StoredRecord).dump_json(stored(parse_record_key(key)[0]))
        return self._others[key][:limit] if key in self._others else _state(key)

    def put(self, key: str, body: bytes, *, metadata: Mapping[str, str] | None = None, if_absent: bool = False) -> ObjectInfo:
        """Remember an object, or that a backup is marked as pruned."""
        self._call("put")
        if if_absent and self._there(key) is not None:
            raise ObjectExistsError("put", key, "an object is there already", "Look at it.")
        if key.endswith("/pruned.json"):
            self._set(self._marked, parse_record_key(key)[0])
        else:
            self._others[key] = body
        return ObjectInfo(key, len(body), "0" * 32, self._clock(), metadata or {})

    def delete(self, key: str) -> None:
        """Forget an object."""
        self._call("delete")
        beside = parse_beside_key(key)
        if key in self._others:
            del self._others[key]
        elif beside is not None:
            self._set(self._beside_gone, BackupKey(*beside, Compression.ZSTD))
        else:
            self._set(self._gone, BackupKey.parse(key))

    def list_uploads(self, prefix: str) -> Iterator[OpenUpload]:
        """List no upload, in one call."""
        del prefix
        return self._paged("list_uploads", ())

    def now(self) -> datetime:
        """Return the clock, which began at `at`."""
        self._call("now")
        return self._clock()

    def _clock(self) -> datetime:
        return (self._at + timedelta(seconds=time.monotonic() - self._began)).replace(microsecond=0)

    def data_of(self, number: int) -> set[str]:
        """Return the keys of one server's data, at no cost."""
        return {info.key for info in self._listed(f"servers/{server_id(number)}/", "")}

    def _call(self, method: str) -> None:
        with self._lock:
            self.calls[method] += 1
        if self._latency:
            time.sleep(self._latency)

    def _paged(self, method: str, entries: Iterable[_T]) -> Iterator[_T]:
        self._call(method)
        number = 0
        for number, entry in enumerate(entries, 1):
            if number > PAGE and number % PAGE == 1:
                self._call(method)
            yield entry
        with self._lock:
            self.entries += number

    def _folders(self, prefix: str) -> Iterable[str]:
        match prefix.removeprefix("catalog/").split("/"):
            case ["servers", ""]:
                return map(server_id, range(self.servers))
            case ["servers", server, ""] if server_number(server) in range(self.servers):
                return iter(KINDS)
        return iter(["servers"] if prefix == "catalog/" else ())

    def _listed(self, prefix: str, after: str) -> Iterator[ObjectInfo]:
        yield from (self._info(key) for key in sorted(self._others) if key.startswith(prefix))
        root, *rest = prefix.removeprefix("catalog/").split("/")
        chosen = server_number(rest[0]) if rest and rest[0] else None
        numbers: Iterable[int] = range(self.servers)
        if rest and rest[0]:
            numbers = [] if chosen not in range(self.servers) else [chosen or 0]
        if root not in ("servers", "state"):
            return
        for number in numbers:
            for kind in KINDS:
                if len(rest) > 1 and not kind.startswith(rest[1]):
                    continue
                if root == "state":
                    yield self._info(_state_key(number, kind))
                    continue
                of_records = prefix.startswith("catalog/")
                for hour in hours_of(kind, self._at, self._years if of_records else 0, after if after.startswith(prefix) else ""):
                    backup = self._backup(number, kind, hour)
                    yield from backup.record_objects() if of_records else backup.data_objects()

    def _backup(self, number: int, kind: Kind, hour: int) -> SimulatedBackup:
        backup = backup_at(number, kind, hour, self._at)
        bit, place = self._bit(kind, hour), self._place(number, kind)
        if 0 <= bit < 64:
            if self._marked[place] >> bit & 1:
                backup.is_marked, backup.marked_at = True, self._at
            backup.has_data &= not self._gone[place] >> bit & 1
            backup.has_beside &= not self._beside_gone[place] >> bit & 1
        return backup

    def _bit(self, kind: Kind, hour: int) -> int:
        return (hour - first_data_hour(kind, self._at)) // kind.schedule_hours

    def _place(self, number: int, kind: Kind) -> int:
        return len(KINDS) * number + KINDS.index(kind)

    def _set(self, bits: "array[int]", key: BackupKey) -> None:
        kind, number = key.artifact_id.kind, server_number(key.artifact_id.server_id)
        bit = self._bit(kind, int(key.slot.at.timestamp()) // 3600)
        assert number is not None
        assert 0 <= bit < 64, f"far more is deleted than is due: {key}"
        with self._lock:
            bits[self._place(number, kind)] |= 1 << bit

    def _find(self, operation: str, key: str) -> ObjectInfo:
        found = self._there(key)
        if found is None:
            raise ObjectNotFoundError(operation, key, "there is no such object", "Check the key.")
        return found

    def _there(self, key: str) -> ObjectInfo | None:
        if key in self._others or (key.startswith("state/server-") and not key.endswith("/recovery.json")):
            return self._info(key)
        try:
            backup = parse_record_key(key)[0] if key.startswith("catalog/") else BackupKey.parse(key)
        except InvalidInputError:
            return None
        number, kind = server_number(backup.artifact_id.server_id), backup.artifact_id.kind
        if number not in range(self.servers) or kind not in KINDS:
            return None
        made = self._backup(number or 0, kind, int(backup.slot.at.timestamp()) // 3600)
        objects = made.record_objects() if key.startswith("catalog/") else made.data_objects()
        return next((info for info in objects if info.key == key), None)

    def _info(self, key: str) -> ObjectInfo:
        return ObjectInfo(key, len(self._others.get(key) or _state(key)), "0" * 32, self._at, {})


def _state_key(number: int | None, kind: Kind) -> str:
    return f"state/{server_id(number or 0)}/{kind}/{ARTIFACTS[kind]}.json"


def _state(key: str) -> bytes:
    """Return the state of an artifact: the databases of unsafe servers have failed."""
    _, server, kind, *_ = key.split("/")
    return _FAILED if kind == Kind.DATABASE and fault_of(server_number(server) or 0) is Fault.UNSAFE else _NO_STATE
