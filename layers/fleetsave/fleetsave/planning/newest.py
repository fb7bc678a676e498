"""The newest verified backup of what a recovery replaces: the last that is known of it without asking its server."""

from dataclasses import dataclass

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.fingerprints import Fingerprint
from fleetsave.model.history import State
from fleetsave.model.keys import ArtifactId, BackupKey


@dataclass(frozen=True)
class Newest:
    """A backup's key, and what its capture said of the content, None where it was not asked."""

    key: BackupKey
    fingerprint: Fingerprint | None

    def has_schema_of(self, theirs: Fingerprint | None) -> bool:
        """Tell whether the schema is that of another backup, as far as both are known."""
        return self.fingerprint is None or (theirs is not None and theirs.schema_sha256 == self.fingerprint.schema_sha256)


def newest_verified(artifact_id: ArtifactId, catalog: Catalog) -> Newest | None:
    """Return the newest verified backup of an artifact, None if there is none. Raise CatalogError or StoreError."""
    listed = catalog.backups(artifact_id.server_id, artifact_id.kind)
    keys = [one.key for one in listed if one.key.artifact_id == artifact_id and one.state is State.VERIFIED]
    if not keys:
        return None
    key = max(keys)
    return Newest(key, catalog.stored(key).capture.fingerprint)
