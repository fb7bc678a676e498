"""From what a person typed to one backup of the catalog."""

import re

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.errors import InvalidInputError, ObjectNotFoundError
from fleetsave.model.history import Backup
from fleetsave.model.keys import BackupKey, parse_record_key
from fleetsave.model.kinds import Compression, DumpFormat

_ADDRESS = re.compile(r"s3://[^/]+/")


def find_backup(catalog: Catalog, text: str) -> Backup:
    """Return the backup that `text` names: its key with or without `.zst`, one of its records, or either as `s3://` address.

    Raise InvalidInputError if it is none of these, ObjectNotFoundError if the catalog has no such backup.
    """
    asked = _parse(_ADDRESS.sub("", text, count=1).removeprefix("/"))
    others = {backup.key: backup for backup in catalog.backups(asked.artifact_id.server_id, asked.artifact_id.kind)}
    if asked in others:
        return others[asked]
    for compression in Compression if asked.format is DumpFormat.PLAIN else ():
        found = others.get(BackupKey(asked.artifact_id, asked.slot, compression))
        if found is not None:
            return found
    raise ObjectNotFoundError(
        "find backup", asked.text, "the catalog has no such backup", f"See: fleetsave list --server {asked.artifact_id.server_id}"
    )


def _parse(text: str) -> BackupKey:
    try:
        return parse_record_key(text)[0]
    except InvalidInputError:
        return BackupKey.parse(text)
