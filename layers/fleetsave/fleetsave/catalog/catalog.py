"""Reading and writing records; what backups there are and where they stand needs LIST calls alone."""

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from fleetsave.catalog.manifests import read_manifest
from fleetsave.model.errors import CatalogError, InvalidInputError, ObjectExistsError, ObjectNotFoundError
from fleetsave.model.history import Backup
from fleetsave.model.keys import BackupKey, RecordName, catalog_prefix, catalog_slot_prefix, parse_record_key
from fleetsave.model.kinds import Kind
from fleetsave.model.manifests import Entry
from fleetsave.model.records import PrunedRecord, StoredRecord, VerdictRecord
from fleetsave.model.slots import Slot
from fleetsave.store.base import ObjectInfo, ObjectStore

Record = StoredRecord | VerdictRecord | PrunedRecord

_TYPES: dict[RecordName, type[Record]] = {
    RecordName.STORED: StoredRecord,
    RecordName.VERIFIED: VerdictRecord,
    RecordName.SUSPECT: VerdictRecord,
    RecordName.INCONCLUSIVE: VerdictRecord,
    RecordName.REJECTED: VerdictRecord,
    RecordName.PRUNED: PrunedRecord,
}


class Catalog:
    """The records of one store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def append(self, key: BackupKey, name: RecordName, record: Record) -> bool:
        """Write a record unless there is one of that name already; return whether this call wrote it.

        Records are never replaced: what was written first stays. Raise StoreError if the store fails.
        """
        body = _adapter(name).dump_json(record, indent=2)
        try:
            self._store.put(key.record_key(name), body, if_absent=True)
        except ObjectExistsError:
            return False
        return True

    def has(self, key: BackupKey, name: RecordName) -> bool:
        """Tell whether a backup has a record of that name."""
        try:
            self._store.head(key.record_key(name))
        except ObjectNotFoundError:
            return False
        return True

    def stored(self, key: BackupKey) -> StoredRecord:
        """Read `stored.json`. Raise ObjectNotFoundError if there is none, CatalogError if it cannot be read."""
        record: StoredRecord = self._read(key, RecordName.STORED)
        if record.key != key.text:
            raise CatalogError(
                "read record",
                key.record_key(RecordName.STORED),
                f"it is about {record.key}",
                "It was moved by hand; put it back.",
            )
        return record

    def manifest(self, stored: StoredRecord) -> Iterator[Entry]:
        """Read the manifest beside an archive, entry by entry. Raise as `read_manifest` does."""
        return read_manifest(self._store, stored)

    def verdict(self, key: BackupKey, name: RecordName) -> VerdictRecord:
        """Read `verified.json`, `suspect.json`, `inconclusive.json` or `rejected.json`, as `stored` does."""
        record: VerdictRecord = self._read(key, name)
        return record

    def pruned(self, key: BackupKey) -> PrunedRecord:
        """Read `pruned.json`, as `stored` does."""
        record: PrunedRecord = self._read(key, RecordName.PRUNED)
        return record

    def backups(
        self, server_id: str | None = None, kind: Kind | None = None, *, foreign: list[CatalogError] | None = None
    ) -> Iterator[Backup]:
        """List the backups of all servers, of one, or of one kind of one server, in no set order.

        Raise CatalogError for a key under the catalog that is no record: a listing that is not understood is not trusted. Given
        `foreign`, who asks sees to that: such errors are added to it, and all else is listed.
        """
        yield from self._grouped(self._store.list(catalog_prefix(server_id, kind)), foreign)

    def backups_since(
        self, server_id: str, kind: Kind, slot: Slot, *, foreign: list[CatalogError] | None = None
    ) -> Iterator[Backup]:
        """List the backups of one kind of one server for `slot` or a later one, as `backups` does.

        What that costs does not grow with the years: records are kept for ever, and those before the slot are passed over.
        """
        prefix = catalog_prefix(server_id, kind)
        yield from self._grouped(self._store.list(prefix, start_after=catalog_slot_prefix(server_id, kind, slot)), foreign)

    def _grouped(self, listed: Iterator[ObjectInfo], foreign: list[CatalogError] | None) -> Iterator[Backup]:
        found: dict[BackupKey, dict[RecordName, datetime]] = {}
        for info in listed:
            try:
                key, name = parse_record_key(info.key)
            except InvalidInputError as error:
                refused = CatalogError("list records", info.key, error.cause, "Move it out of catalog/, where only records are.")
                if foreign is None:
                    raise refused from None
                foreign.append(refused)
                continue
            found.setdefault(key, {})[name] = info.last_modified
        for key, recorded_at in found.items():
            yield Backup(key, recorded_at)

    def _read(self, key: BackupKey, name: RecordName) -> Any:
        record_key = key.record_key(name)
        body = self._store.get(record_key)
        try:
            return _adapter(name).validate_json(body)
        except ValidationError as error:
            raise CatalogError(
                "read record",
                record_key,
                f"{error.error_count()} fields do not fit: {error.errors(include_input=False)[0]['msg']}",
                "The object may have been changed by hand or by a newer fleetsave.",
            ) from None


@cache
def _adapter(name: RecordName) -> TypeAdapter[Any]:
    """Return the reader and writer of a record; making one takes longer than any use of it."""
    return TypeAdapter(_TYPES[name])
