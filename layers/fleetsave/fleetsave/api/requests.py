"""What may be asked: the bodies and parameters of the API, each refused with its field named before anything is read."""

import posixpath
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Header, Path, Query
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.fleet_files import Pattern
from fleetsave.model.fleet_parts import Duration
from fleetsave.model.keys import BackupKey, parse_id
from fleetsave.model.kinds import Kind
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.planning.archive_plan import parse_part
from fleetsave.planning.postgresql_target import require_name

MISSION_BODY: JsonDict = {
    "server_id": "server_001",
    "backup_key": "servers/server_001/database/server_001_20240101_120000_database.db",
    "backup_type": "database",
}
"""The smallest complete request, as it stands in every document."""

_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_LONGEST_PATH = 4096
"""Bytes of a path that Linux takes (PATH_MAX)."""
_PATH = re.compile(r"(/[^/\x00-\x1f\x7f]+)+")


def _checked_by(read: Callable[[str], object]) -> Callable[[str], str]:
    """Return a check by `read`, with its InvalidInputError as the ValueError that pydantic expects, without the text itself."""

    def check(text: str) -> str:
        try:
            read(text)
        except InvalidInputError as error:
            raise ValueError(f"{error.cause}: {error.hint}") from None
        return text

    return check


def _read_moment(value: object) -> datetime:
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise ValueError("write a time as RFC 3339 with its offset, e.g. 2024-01-01T12:00:00Z (in an address, + is %2B)")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("there is no such time") from None


def _check_path(path: str) -> str:
    if not _PATH.fullmatch(path) or posixpath.normpath(path) != path or len(path.encode()) > _LONGEST_PATH:
        raise ValueError("write an absolute path in its shortest form: without . and .. and empty parts and control characters")
    return path


def _read_age(text: str) -> timedelta:
    return _AGE.validate_python(text)


_AGE: TypeAdapter[timedelta] = TypeAdapter(Duration)

# Read by our own parsers, which say what is wrong in words; the patterns are for the OpenAPI document.
Identifier = Annotated[
    str,
    AfterValidator(_checked_by(lambda text: parse_id(text, "id"))),
    WithJsonSchema({"type": "string", "pattern": r"^[a-z0-9][a-z0-9_-]{0,62}$"}),
]
Key = Annotated[
    str,
    AfterValidator(_checked_by(BackupKey.parse)),
    WithJsonSchema(
        {"type": "string", "pattern": r"^(servers|central)/[a-z0-9_./-]+\.(db|sql|dump|tar)(\.zst)?$", "maxLength": 400}
    ),
]
AbsolutePath = Annotated[
    str,
    AfterValidator(_check_path),
    WithJsonSchema({"type": "string", "pattern": r"^(/[^/\x00-\x1f\x7f]+)+$", "maxLength": _LONGEST_PATH}),
]
Part = Annotated[
    str,
    AfterValidator(_checked_by(parse_part)),
    WithJsonSchema({"type": "string", "pattern": r"^(databases|files)/[a-z0-9][a-z0-9_-]{0,62}$"}),
]
PathPattern = Annotated[Pattern, StringConstraints(min_length=1, max_length=_LONGEST_PATH)]
DatabaseName = Annotated[str, AfterValidator(_checked_by(require_name))]
TargetPath = Annotated[str, WithJsonSchema({"type": "string", "minLength": 1, "maxLength": _LONGEST_PATH})]
Moment = Annotated[datetime, BeforeValidator(_read_moment), WithJsonSchema({"type": "string", "format": "date-time"})]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TargetBody(_Strict):
    """Where a backup is restored to, if not to where it came from."""

    path: TargetPath | None = Field(
        default=None,
        description="another path; a database of the fleet file, or a new file in a folder it allows; for PostgreSQL the name of "
        "a new database",
    )
    server_id: Identifier | None = Field(default=None, description="another server; needs allow_other_server")
    allow_other_server: StrictBool = Field(default=False, description="yes, the backup of one server is meant for another")


class _FileTarget(TargetBody):
    path: AbsolutePath | None = None


class _DatabaseTarget(TargetBody):
    path: DatabaseName | None = None


class RecoveryBody(_Strict):
    """What is to be restored: the backup named, else the newest verified one, not later than `at` if that is given."""

    model_config = ConfigDict(json_schema_extra={"examples": [MISSION_BODY]})

    server_id: Identifier = Field(description="whose backup")
    backup_type: Kind = Field(description="what sort of backup")
    backup_key: Key | None = Field(default=None, description="the backup's key, with or without .zst")
    at: Moment | None = Field(default=None, description="the newest verified backup not later than this; not with backup_key")
    artifact: Identifier | None = Field(
        default=None, description="which one, where a server has several of that type; not with backup_key"
    )
    part: Part | None = Field(
        default=None,
        description="what of a full backup: databases/<artifact> or files/<set>; all of it, to a new folder, if left out",
    )
    paths: Annotated[list[PathPattern], Field(max_length=100)] = Field(
        default=[], description="which paths of a folder, relative to it, as in the fleet file's include; all if left out"
    )
    target: TargetBody | None = Field(default=None, description="where to; by default where it came from")
    dry_run: StrictBool = Field(default=False, description="only say what would be done: nothing is written or queued")
    allow_unverified: StrictBool = Field(default=False, description="take a backup that is not, or not yet, verified")
    allow_schema_change: StrictBool = Field(
        default=False, description="restore although the schema on the server is another than the backup's"
    )

    @field_validator("target")
    @classmethod
    def _path_is_of_the_type(cls, target: TargetBody | None, info: ValidationInfo) -> TargetBody | None:
        if target is not None and "backup_type" in info.data:
            form = _DatabaseTarget if info.data["backup_type"] is Kind.POSTGRESQL else _FileTarget
            form.model_validate(target.model_dump())
        return target

    @model_validator(mode="after")
    def _part_and_paths_go_with_the_type(self) -> "RecoveryBody":
        if self.part is not None and self.backup_type is not Kind.FULL:
            raise ValueError("part is said of full backups alone: leave it out")
        if self.paths and self.backup_type not in (Kind.FILES, Kind.FULL):
            raise ValueError("paths are said of files and full backups alone: leave them out")
        return self

    @model_validator(mode="after")
    def _backup_is_named_once(self) -> "RecoveryBody":
        if self.backup_key is not None and self.at is not None:
            raise ValueError("give backup_key or at, not both: a key already names one backup")
        if self.backup_key is not None and self.artifact is not None:
            raise ValueError("give backup_key or artifact, not both: a key already names its artifact")
        return self


class NoBody(_Strict):
    """Nothing: what is asked for stands in the address."""


IdempotencyKey = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{1,255}$")] | None,
    Header(
        alias="Idempotency-Key",
        description="any text of your own, 1 to 255 printable ASCII characters: the same key with the same request again gives "
        "the same recovery, never a second one",
    ),
]
RecoveryIdInPath = Annotated[
    str,
    AfterValidator(_checked_by(RecoveryId.parse)),
    WithJsonSchema({"type": "string", "pattern": r"^[a-z0-9][a-z0-9_-]{0,62}\.[0-9]{6}$"}),
    Path(description="id of a recovery, e.g. server_001.000017"),
]
ServerIdInQuery = Annotated[Identifier, Query(description="the server")]
OnlyServerInQuery = Annotated[Identifier | None, Query(alias="server_id", description="only this server's artifacts")]
KindInQuery = Annotated[Kind | None, Query(alias="type", description="only backups of this type")]
FromInQuery = Annotated[Moment | None, Query(alias="from", description="only backups of this slot or later")]
ToInQuery = Annotated[Moment | None, Query(alias="to", description="only backups of this slot or earlier")]
VerifiedInQuery = Annotated[Literal["true", "false"] | None, Query(description="true: only verified backups; false: only others")]
CursorInQuery = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,600}$")] | None,
    Query(description="next_cursor of the page before"),
]
MaximumAge = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{1,6}(\.[0-9]{1,3})?[smhdw]$"),
    Query(description="oldest that a newest verified backup may be, as in the fleet file: 45s, 90m, 2h, 30d, 2w"),
]


def read_age(text: str) -> timedelta:
    """Read a duration such as `2h`. Raise InvalidInputError if it is zero."""
    try:
        return _read_age(text)
    except ValueError:
        raise InvalidInputError("read max_age", repr(text), "it is not a duration above zero", "For example 2h.") from None
