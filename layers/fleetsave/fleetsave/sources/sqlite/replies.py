"""What a server's Python may reply, by its form: whoever answers as that Python is not believed, and nothing odd goes further."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from fleetsave.model.records import CaptureReport

_REPORT = TypeAdapter(CaptureReport)


def read_report(values: dict[str, Any]) -> CaptureReport:
    """Return a report that can be written as a record. Raise ValueError if it is none; half a surrogate cannot be written."""
    report = _REPORT.validate_python(values)
    _REPORT.dump_json(report)
    return report


def _require_path(path: str) -> str:
    path.encode("utf-8", "surrogateescape")
    return path


_Path = Annotated[str, AfterValidator(_require_path)]


class Reply(BaseModel):
    """A reply that is an object; what else stands in it is left to whoever reads the report."""

    model_config = ConfigDict(strict=True, extra="allow")


class FrozenSnapshot(Reply):
    """A snapshot that lies ready: the path to read it from, and its size in bytes."""

    path: _Path
    size: int = Field(ge=0)


class HeldView(Reply):
    """What a transaction that is held sees; sizes in bytes."""

    path: _Path
    journal_mode: str
    size: int = Field(ge=0)
    page_size: int = Field(ge=512)
    wal_frames: int = Field(ge=0)
    wal_salts: str
    fingerprint: dict[str, object] | None


class HeldToTheEnd(Reply):
    """The holder's last word: for how many seconds it held."""

    held_seconds: float = Field(ge=0, allow_inf_nan=False)


class _File(BaseModel):
    size: int = Field(ge=0)
    sha256: str


class _Files(BaseModel):
    database: _File
    journal: _File


class JournalPair(Reply):
    """A database and the journal of a transaction that was cut off."""

    path: _Path
    super_journal: bool
    files: _Files
