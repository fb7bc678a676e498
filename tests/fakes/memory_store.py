"""An object store in memory that keeps every obligation of the port, and fails where a test says so."""

import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from fleetsave.model.errors import ObjectExistsError, ObjectNotFoundError, StoreError
from fleetsave.store import digests
from fleetsave.store.base import ObjectInfo, OpenUpload, PartReceipt

CHUNK_SIZE = 1 << 20


@dataclass
class _Upload:
    key: str
    metadata: dict[str, str]
    started_at: datetime
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass
class _Fault:
    error: Exception
    call: int
    after: bool


class MemoryStore:
    """One bucket in memory.

    `clock` is the store's clock. `fail("upload_part", error, call=3)` makes the third call from now of that method raise;
    with `after=True` it does its work first, as when only the reply is lost. `calls` counts every method's calls.
    `fail("read", ...)` fails after half of the bytes. `held_parts_peak` is the most bodies ever inside `upload_part` at once.
    """

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC), *, minimum_part_size: int = 5 << 20) -> None:
        self._clock = clock
        self._minimum_part_size = minimum_part_size
        self._lock = threading.RLock()
        self._objects: dict[str, tuple[ObjectInfo, bytes]] = {}
        self._uploads: dict[str, _Upload] = {}
        self._uploads_begun = 0
        self._faults: dict[str, list[_Fault]] = defaultdict(list)
        self._held_parts = 0
        self._alter_next_body = False
        self.held_parts_peak = 0
        self.calls: dict[str, int] = defaultdict(int)

    def fail(self, method: str, error: Exception, *, call: int = 1, after: bool = False) -> None:
        """Make the `call`-th call from now of `method` raise `error`."""
        with self._lock:
            self._faults[method].append(_Fault(error, self.calls[method] + call, after))

    def alter_next_body(self) -> None:
        """Flip a bit of the next body on its way in."""
        self._alter_next_body = True

    def replace(self, key: str, body: bytes) -> None:
        """Change the content of an object at rest, as bit rot does: nothing that is said of it changes."""
        with self._lock:
            self._objects[key] = (self._objects[key][0], body)

    def put(self, key: str, body: bytes, *, metadata: Mapping[str, str] | None = None, if_absent: bool = False) -> ObjectInfo:
        """Store an object."""
        with self._lock:
            self._count("put")
            self._receive(key, body)
            if if_absent and key in self._objects:
                raise _exists("put", key)
            info = self._store(key, body, digests.etag_of(body), _lower(metadata or {}))
            self._count_after("put")
            return info

    def head(self, key: str) -> ObjectInfo:
        """Describe an object."""
        with self._lock:
            self._count("head")
            return self._find("head", key)[0]

    def get(self, key: str, *, limit: int = 16 << 20) -> bytes:
        """Read an object whole."""
        with self._lock:
            self._count("get")
            body = self._find("get", key)[1]
        if len(body) > limit:
            raise StoreError("get", key, f"it is larger than {limit} bytes", "It is not what it should be; look at it.")
        return body

    def read(self, key: str, *, offset: int = 0) -> Iterator[bytes]:
        """Read an object in chunks."""
        with self._lock:
            self.calls["read"] += 1
            fault = self._fault("read", after=False)
            body = self._find("read", key)[1]
        if offset > len(body):
            raise StoreError("read", key, f"there is nothing at offset {offset}", "Read from an offset in the object.")
        end = offset + (len(body) - offset) // 2 if fault else len(body)
        for start in range(offset, end, CHUNK_SIZE):
            yield body[start : min(start + CHUNK_SIZE, end)]
        if fault:
            raise fault.error

    def list(self, prefix: str, *, start_after: str | None = None) -> Iterator[ObjectInfo]:
        """List objects; never in the order of their names, so that nobody relies on it."""
        with self._lock:
            self._count("list")
            after = start_after or ""
            found = [info for key, (info, _) in self._objects.items() if key.startswith(prefix) and key > after]
        for info in sorted(found, key=lambda info: hashlib.sha256(info.key.encode()).digest()):
            yield ObjectInfo(info.key, info.size, info.etag, info.last_modified, {})

    def folders(self, prefix: str) -> Iterator[str]:
        """List the names under `prefix` that end with a `/`."""
        with self._lock:
            self._count("folders")
            rests = [key.removeprefix(prefix) for key in self._objects if key.startswith(prefix)]
        yield from {rest.partition("/")[0] for rest in rests if "/" in rest}

    def files(self, prefix: str) -> Iterator[ObjectInfo]:
        """List the objects under `prefix` that are in no folder there."""
        with self._lock:
            self._count("files")
            found = [info for key, (info, _) in self._objects.items() if key.startswith(prefix)]
        yield from (replace(info, metadata={}) for info in found if "/" not in info.key.removeprefix(prefix))

    def delete(self, key: str) -> None:
        """Delete an object."""
        with self._lock:
            self._count("delete")
            self._objects.pop(key, None)

    def begin_upload(self, key: str, *, metadata: Mapping[str, str] | None = None) -> str:
        """Begin an upload."""
        with self._lock:
            self._count("begin_upload")
            self._uploads_begun += 1
            upload_id = f"upload-{self._uploads_begun}"
            self._uploads[upload_id] = _Upload(key, _lower(metadata or {}), self.now())
            self._count_after("begin_upload")
            return upload_id

    def upload_part(self, key: str, upload_id: str, number: int, body: bytes) -> PartReceipt:
        """Take a part."""
        with self._lock:
            self._held_parts += 1
            self.held_parts_peak = max(self.held_parts_peak, self._held_parts)
        try:
            with self._lock:
                self._count("upload_part")
                self._receive(key, body)
                self._upload("upload part", key, upload_id).parts[number] = body
                self._count_after("upload_part")
            return PartReceipt(number, len(body), digests.etag_of(body), hashlib.sha256(body).hexdigest())
        finally:
            with self._lock:
                self._held_parts -= 1

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[PartReceipt]) -> ObjectInfo:
        """Make the object appear."""
        with self._lock:
            self._count("complete_upload")
            etag, size = digests.etag_of_parts(parts), sum(part.size for part in parts)
            there = self._objects.get(key)
            if there is not None:
                if (there[0].etag, there[0].size) != (etag, size):
                    raise _exists("complete upload", key)
                return there[0]
            upload = self._upload("complete upload", key, upload_id)
            info = self._store(key, self._joined(key, upload, parts), etag, upload.metadata)
            del self._uploads[upload_id]
            self._count_after("complete_upload")
            return info

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Throw an upload away."""
        with self._lock:
            self._count("abort_upload")
            upload = self._uploads.get(upload_id)
            if upload is not None and upload.key == key:
                del self._uploads[upload_id]

    def list_uploads(self, prefix: str) -> Iterator[OpenUpload]:
        """List open uploads."""
        with self._lock:
            self._count("list_uploads")
            found = [OpenUpload(u.key, upload_id, u.started_at) for upload_id, u in self._uploads.items()]
        yield from (upload for upload in found if upload.key.startswith(prefix))

    def now(self) -> datetime:
        """Return the clock, to the second."""
        return self._clock().replace(microsecond=0)

    def _store(self, key: str, body: bytes, etag: str, metadata: dict[str, str]) -> ObjectInfo:
        info = ObjectInfo(key, len(body), etag, self.now(), metadata)
        self._objects[key] = (info, bytes(body))
        return info

    def _find(self, operation: str, key: str) -> tuple[ObjectInfo, bytes]:
        if key not in self._objects:
            raise ObjectNotFoundError(operation, key, "there is no such object", "Check the key.")
        return self._objects[key]

    def _upload(self, operation: str, key: str, upload_id: str) -> _Upload:
        upload = self._uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise ObjectNotFoundError(operation, key, "there is no such upload", "Begin a new one.")
        return upload

    def _joined(self, key: str, upload: _Upload, parts: Sequence[PartReceipt]) -> bytes:
        bodies = [upload.parts.get(part.number, b"") for part in parts]
        if [digests.etag_of(body) for body in bodies] != [part.etag for part in parts]:
            raise StoreError("complete upload", key, "InvalidPart: a part is missing or was replaced", "Begin a new upload.")
        if any(len(body) < self._minimum_part_size for body in bodies[:-1]):
            raise StoreError("complete upload", key, "EntityTooSmall: a part is too small", "Only the last part may be small.")
        return b"".join(bodies)

    def _receive(self, key: str, body: bytes) -> None:
        altered, self._alter_next_body = self._alter_next_body and len(body) > 0, False
        if altered:
            raise StoreError("put", key, "BadDigest: the bytes are not those that were sent", "Try again.", retryable=True)

    def _count(self, method: str) -> None:
        self.calls[method] += 1
        if fault := self._fault(method, after=False):
            raise fault.error

    def _count_after(self, method: str) -> None:
        if fault := self._fault(method, after=True):
            raise fault.error

    def _fault(self, method: str, *, after: bool) -> _Fault | None:
        due = [f for f in self._faults[method] if f.call == self.calls[method] and f.after is after]
        for fault in due:
            self._faults[method].remove(fault)
        return due[0] if due else None


def _lower(metadata: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in metadata.items()}


def _exists(operation: str, key: str) -> ObjectExistsError:
    return ObjectExistsError(operation, key, "an object is there already", "It is never replaced; look at what is there.")
