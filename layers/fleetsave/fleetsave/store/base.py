"""The port of the object storage: what fleetsave relies on, and nothing that only one provider has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class ObjectInfo:
    """What a store says of one object; `size` in bytes, `etag` without quotes, metadata keys in lower case.

    Listings leave `metadata` empty.
    """

    key: str
    size: int
    etag: str
    last_modified: datetime
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class PartReceipt:
    """One part that the store has accepted: `sha256` is the SHA-256 hex of its bytes, `etag` what the store calls it.

    That is the MD5 hex of its bytes, except where the store encrypts with keys of the owner's own (docs/stores.md).
    """

    number: int
    size: int
    etag: str
    sha256: str


@dataclass(frozen=True)
class OpenUpload:
    """A multipart upload that was begun and neither completed nor aborted."""

    key: str
    upload_id: str
    started_at: datetime


class ObjectStore(Protocol):
    """One bucket of one provider.

    Every method raises StoreError or one of its kinds, with `retryable` set for what may pass by itself, after the
    implementation's own retries. Every method may be called again after a failure. An implementation is safe to use from
    several threads.
    """

    def put(self, key: str, body: bytes, *, metadata: Mapping[str, str] | None = None, if_absent: bool = False) -> ObjectInfo:
        """Store a small object whole or not at all, checked in transit by MD5 and SHA-256.

        With `if_absent`, raise ObjectExistsError if an object is there. That is atomic where the provider has conditional
        writes, else it is a look before the write: callers must not use it as a lock.
        """
        ...

    def head(self, key: str) -> ObjectInfo:
        """Describe an object without reading it. Raise ObjectNotFoundError if there is none."""
        ...

    def get(self, key: str, *, limit: int = 16 << 20) -> bytes:
        """Read a small object whole. Raise ObjectNotFoundError, or StoreError if it is larger than `limit` bytes."""
        ...

    def read(self, key: str, *, offset: int = 0) -> Iterator[bytes]:
        """Read an object in chunks of at most 1 MiB, from `offset` to its end.

        The iterator ends only after the last byte: a connection that breaks is a StoreError, never a short read. Raise
        ObjectNotFoundError, on the first chunk at the latest.
        """
        ...

    def list(self, prefix: str, *, start_after: str | None = None) -> Iterator[ObjectInfo]:
        """List every object under `prefix`, all pages, in the provider's own order.

        With `start_after`, those alone whose key sorts after it as text; it may be no key at all, but no folder of one either.
        """
        ...

    def folders(self, prefix: str) -> Iterator[str]:
        """List what follows `prefix`, up to the next `/`, in the keys that have one there; each name once, without the `/`."""
        ...

    def files(self, prefix: str) -> Iterator[ObjectInfo]:
        """List the other keys under `prefix`, those that have no `/` after it."""
        ...

    def delete(self, key: str) -> None:
        """Delete an object; deleting what is not there is no error. Raise AccessDeniedError while it is locked."""
        ...

    def begin_upload(self, key: str, *, metadata: Mapping[str, str] | None = None) -> str:
        """Begin a multipart upload and return its id; nothing appears at `key` before it is completed."""
        ...

    def upload_part(self, key: str, upload_id: str, number: int, body: bytes) -> PartReceipt:
        """Upload part `number` (from 1), checked in transit; uploading a number again replaces it.

        Every part but the last is at least 5 MiB. Raise ObjectNotFoundError if the upload is gone.
        """
        ...

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[PartReceipt]) -> ObjectInfo:
        """Make the object appear, whole, and return what the store then says of it.

        Never replaces an object: raise ObjectExistsError if one is there that is not made of these parts. Completing
        again after a lost reply returns the object. Raise ObjectNotFoundError if neither upload nor object is there, and
        StoreError if the size or ETag the store reports is not that of the parts.
        """
        ...

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Throw an upload and its parts away; aborting one that is gone is no error."""
        ...

    def list_uploads(self, prefix: str) -> Iterator[OpenUpload]:
        """List the open uploads whose key begins with `prefix`, all pages."""
        ...

    def now(self) -> datetime:
        """Return the store's own clock, in UTC, to the second."""
        ...
