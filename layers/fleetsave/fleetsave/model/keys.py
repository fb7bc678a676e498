"""The one place where ids and object keys are built and parsed; those of recoveries are beside it, in `recovery_keys`.

    servers/{server_id}/{kind}/{server_id}_{slot}_{artifact}.{ext}[.zst], and ....manifest.jsonl.zst beside an archive
    central/postgresql/postgresql_{slot}[_{artifact}].sql[.zst] or .dump, and postgresql_{slot}[_{artifact}]_globals.sql beside it
    catalog/{backup key}/{record}.json
    state/{server_id}/{kind}/{artifact}.json
    config/fleet.yaml

Whatever does not parse is refused before any I/O; nothing else in fleetsave concatenates keys.
"""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.kinds import Compression, DumpFormat, Kind
from fleetsave.model.slots import Slot

FLEET_KEY = "config/fleet.yaml"
CENTRAL_SERVER_ID = "central"
"""The server id under which the central PostgreSQL stands in jobs and records; no game server may take it."""

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_SERVER_KEY = re.compile(r"servers/([^/]+)/([^/]+)/([^/.]+)\.([a-z]+)(\.zst)?", re.ASCII)
_CENTRAL_KEY = re.compile(r"central/postgresql/postgresql_([0-9]{8}_[0-9]{6})(?:_([^/.]+))?\.(sql|dump)(\.zst)?", re.ASCII)
_GLOBALS = "globals"
_MANIFEST = ".manifest.jsonl.zst"
_SAFETY = "safety-"
_LONGEST_ID = 63
_SAFETY_KEPT = 50
"""How much of a safety artifact's name is kept where a digest has to stand for the rest."""

SAFETY_TELLS_APART = _SAFETY_KEPT - len(_SAFETY)
"""How much of an artifact's name surely stands in that of its safety artifact."""

_STEM = re.compile(r"_([0-9]{8}_[0-9]{6})_(.+)", re.ASCII)


class RecordName(StrEnum):
    """The records that may stand beside a backup in the catalog."""

    STORED = "stored"
    VERIFIED = "verified"
    REJECTED = "rejected"
    SUSPECT = "suspect"
    INCONCLUSIVE = "inconclusive"
    PRUNED = "pruned"
    PINNED = "pinned"


_RECORDS = {f"{name}.json": name for name in RecordName}
_KINDS = {kind.value: kind for kind in Kind}


def parse_id(text: str, what: str) -> str:
    """Return `text` if it is a valid id; `what` names it in the error.

    An id is 1 to 63 of a-z, 0-9, `_` and `-`, and begins with a letter or digit. Raise InvalidInputError otherwise.
    """
    if not _ID.fullmatch(text):
        raise InvalidInputError(
            f"read {what}", repr(text[:100]), "it is not an id", "Use 1 to 63 of a-z, 0-9, _ and -, letter or digit first."
        )
    return text


@dataclass(frozen=True, order=True)
class ArtifactId:
    """One named thing to back up: the artifact of a kind on a server."""

    server_id: str
    kind: Kind
    artifact: str

    def __post_init__(self) -> None:
        parse_id(self.server_id, "server id")
        parse_id(self.artifact, "artifact name")
        if (self.kind is Kind.POSTGRESQL) != (self.server_id == CENTRAL_SERVER_ID):
            raise InvalidInputError(
                "read server id", self.server_id, f"it does not go with kind {self.kind}", "Only PostgreSQL is central."
            )
        if self.kind is Kind.POSTGRESQL and f"_{self.artifact}".endswith(f"_{_GLOBALS}"):
            raise InvalidInputError(
                "read artifact name",
                self.artifact,
                "the file beside a dump is named so",
                "Choose another than globals.",
            )

    def __str__(self) -> str:
        return f"{self.server_id}/{self.kind}/{self.artifact}"

    @property
    def state_key(self) -> str:
        """Return the key of the resumable state of this artifact; it may be lost without losing a backup."""
        return f"state/{self.server_id}/{self.kind}/{self.artifact}.json"

    @property
    def safety(self) -> "ArtifactId":
        """Return the artifact under which this one's state is backed up before a recovery replaces it."""
        name = _SAFETY + self.artifact
        if len(name) > _LONGEST_ID:
            name = f"{name[:_SAFETY_KEPT]}-{hashlib.sha256(self.artifact.encode()).hexdigest()[:12]}"
        return ArtifactId(self.server_id, self.kind, name)

    @property
    def is_safety(self) -> bool:
        """Tell whether backups of this artifact were made before a recovery; no fleet file may name an artifact so."""
        return self.artifact.startswith(_SAFETY)

    def is_safety_of_glob(self, name: str) -> bool:
        """Tell whether this may be the safety artifact of a file that the glob named `name` matches.

        Names that are alike for `SAFETY_TELLS_APART` characters cannot be told apart by it.
        """
        return self.artifact.startswith(f"{_SAFETY}{name}-"[:_SAFETY_KEPT])

    @classmethod
    def parse(cls, text: str) -> "ArtifactId":
        """Read `server/kind/artifact` as `str()` writes it. Raise InvalidInputError for anything else."""
        parts = text.split("/")
        if len(parts) != 3 or parts[1] not in list(Kind):
            raise InvalidInputError(
                "read artifact", repr(text[:200]), "it is not server/kind/artifact", "For example server_001/database/database."
            )
        return cls(parts[0], Kind(parts[1]), parts[2])


@dataclass(frozen=True, order=True)
class BackupKey:
    """The object key of one backup, in its parts."""

    artifact_id: ArtifactId
    slot: Slot
    compression: Compression
    format: DumpFormat = DumpFormat.PLAIN

    def __post_init__(self) -> None:
        if self.format is DumpFormat.CUSTOM and (self.artifact_id.kind, self.compression) != (Kind.POSTGRESQL, Compression.NONE):
            raise InvalidInputError(
                "read backup key", str(self.artifact_id), "a dump of custom format is PostgreSQL's own, and compressed in itself",
                "Leave the format out, or the compression.",
            )  # fmt: skip

    @property
    def text(self) -> str:
        """Return the object key."""
        suffix = ".zst" if self.compression is Compression.ZSTD else ""
        kind, slot = self.artifact_id.kind, self.slot.text
        if kind is Kind.POSTGRESQL:
            return f"{self._central_stem}.{self.format.extension}{suffix}"
        server_id = self.artifact_id.server_id
        name = f"{server_id}_{slot}_{self.artifact_id.artifact}.{kind.extension}{suffix}"
        return f"servers/{server_id}/{kind}/{name}"

    def __str__(self) -> str:
        return self.text

    @property
    def beside_key(self) -> str | None:
        """Return the key of what stands beside the data: a dump's roles and tablespaces, an archive's manifest; else None."""
        artifact_id = self.artifact_id
        if artifact_id.kind is Kind.POSTGRESQL:
            return f"{self._central_stem}_{_GLOBALS}.sql"
        if artifact_id.kind is Kind.DATABASE:
            return None
        server_id = artifact_id.server_id
        return f"servers/{server_id}/{artifact_id.kind}/{server_id}_{self.slot.text}_{artifact_id.artifact}{_MANIFEST}"

    @property
    def _central_stem(self) -> str:
        artifact = self.artifact_id.artifact
        name = "" if artifact == Kind.POSTGRESQL else f"_{artifact}"
        return f"central/postgresql/postgresql_{self.slot.text}{name}"

    def record_key(self, record: RecordName) -> str:
        """Return the key of one of this backup's records."""
        return f"catalog/{self.text}/{record}.json"

    @classmethod
    def parse(cls, text: str) -> "BackupKey":
        """Read an object key. Raise InvalidInputError unless building it again gives exactly `text`."""
        return _parse(text)


@lru_cache(maxsize=1024)
def _parse(text: str) -> BackupKey:
    """Read an object key; in a listing the records of one backup follow one another."""
    key = _parse_central(text) or _parse_server(text)
    if key is None or key.text != text:
        raise InvalidInputError(
            "read backup key", repr(text[:200]), "it is not the key of a backup",
            "For example servers/server_001/database/server_001_20240101_120000_database.db.zst.",
        )  # fmt: skip
    return key


def parse_beside_key(text: str) -> tuple[ArtifactId, Slot] | None:
    """Return whose roles and tablespaces, or whose manifest, an object holds, and for which slot; None if it is neither.

    Neither the format nor the compression of the data beside it can be told from its name.
    """
    key = _parse_beside(text)
    return (key.artifact_id, key.slot) if key is not None and key.beside_key == text else None


def _parse_beside(text: str) -> BackupKey | None:
    try:
        if text.endswith(_MANIFEST):
            return _parse_server(f"{text.removesuffix(_MANIFEST)}.tar")
        stem, mark, extension = text.rpartition(f"_{_GLOBALS}.")
        match = _CENTRAL_KEY.fullmatch(f"{stem}.sql") if (mark, extension) == (f"_{_GLOBALS}.", "sql") else None
        return BackupKey(_central_artifact(match[2]), Slot.parse(match[1]), Compression.NONE) if match else None
    except InvalidInputError:
        return None


def parse_record_key(text: str) -> tuple[BackupKey, RecordName]:
    """Read the key of a catalog record. Raise InvalidInputError if it is none."""
    prefix, _, name = text.rpartition("/")
    record = _RECORDS.get(name)
    if not prefix.startswith("catalog/") or record is None:
        raise InvalidInputError(
            "read record key", repr(text[:200]), "it is not the key of a record", "Records are catalog/{backup key}/{name}.json."
        )
    return BackupKey.parse(prefix.removeprefix("catalog/")), record


def parse_state_key(text: str) -> ArtifactId | None:
    """Return whose resumable state an object holds, None if it is none's."""
    try:
        artifact_id = ArtifactId.parse(text.removeprefix("state/").removesuffix(".json"))
    except InvalidInputError:
        return None
    return artifact_id if artifact_id.state_key == text else None


def state_prefix(server_id: str | None = None) -> str:
    """Return the prefix of the state of all servers' artifacts, or of one server's."""
    return "state/" if server_id is None else f"state/{parse_id(server_id, 'server id')}/"


def backup_prefix(server_id: str | None = None, kind: Kind | None = None) -> str:
    """Return the prefix of the game servers' backups: all, one server's, or one kind of one server's."""
    if server_id is None:
        return "servers/"
    if server_id == CENTRAL_SERVER_ID:
        return "central/"
    parse_id(server_id, "server id")
    return f"servers/{server_id}/" if kind is None else f"servers/{server_id}/{kind}/"


def slot_prefix(server_id: str, kind: Kind, slot: Slot) -> str:
    """Return what sorts before the key of every backup for this slot or a later one, and after that of every earlier one."""
    if kind is Kind.POSTGRESQL:
        return f"{backup_prefix(server_id)}{kind}/{kind}_{slot.text}"
    return f"{backup_prefix(server_id, kind)}{server_id}_{slot.text}"


def catalog_slot_prefix(server_id: str, kind: Kind, slot: Slot) -> str:
    """Return the same for the keys of records."""
    return f"catalog/{slot_prefix(server_id, kind, slot)}"


def catalog_prefix(server_id: str | None = None, kind: Kind | None = None) -> str:
    """Return the prefix of the records of all backups, of one server's, or of one kind of one server's."""
    return "catalog/" if server_id is None else f"catalog/{backup_prefix(server_id, kind)}"


def _parse_central(text: str) -> BackupKey | None:
    match = _CENTRAL_KEY.fullmatch(text)
    if match is None:
        return None
    slot, artifact, extension, suffix = match.groups()
    dump_format = next(one for one in DumpFormat if one.extension == extension)
    return BackupKey(_central_artifact(artifact), Slot.parse(slot), _compression(suffix), dump_format)


def _central_artifact(name: str | None) -> ArtifactId:
    return ArtifactId(CENTRAL_SERVER_ID, Kind.POSTGRESQL, name or Kind.POSTGRESQL.value)


def _parse_server(text: str) -> BackupKey | None:
    match = _SERVER_KEY.fullmatch(text)
    if match is None or match[2] not in _KINDS or not match[3].startswith(match[1]):
        return None
    stem = _STEM.fullmatch(match[3], len(match[1]))
    if stem is None:
        return None
    return BackupKey(ArtifactId(match[1], _KINDS[match[2]], stem[2]), Slot.parse(stem[1]), _compression(match[5]))


def _compression(suffix: str | None) -> Compression:
    return Compression.ZSTD if suffix else Compression.NONE
