"""The manifest that stands beside an archive: what is in it, without reading it."""

from collections.abc import Iterator

from fleetsave.archives.manifest_reading import ManifestReading
from fleetsave.model.errors import CatalogError
from fleetsave.model.kinds import Compression
from fleetsave.model.manifests import Entry
from fleetsave.model.records import StoredRecord
from fleetsave.store.base import ObjectStore
from fleetsave.store.decompress import plain_chunks


def read_manifest(store: ObjectStore, stored: StoredRecord) -> Iterator[Entry]:
    """Yield what an archive's manifest says, entry by entry, in memory that does not grow.

    Raise ObjectNotFoundError if it is gone, VerificationError for one that is not what a capture writes, and, after the last
    entry, CatalogError if it is not the one that the capture told of.
    """
    report = stored.archive.manifest
    reading = ManifestReading(
        plain_chunks(store.read(report.key), Compression.ZSTD, target=report.key), report.key, maximum=report.size
    )
    yield from reading.entries()
    if (reading.size, reading.sha256) != (report.size, report.sha256):
        raise CatalogError(
            "read manifest", report.key, "it is not the one that was stored with the archive", "Choose another backup."
        )
