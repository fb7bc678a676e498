"""What an agent says it serves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from fleetsave.sources.sqlite.refusals import refusal


class _File(BaseModel):
    id: str
    path: str


class _Artifact(BaseModel):
    """One artifact as it stands in the listing; what its kind does not have stays at its default."""

    kind: str
    name: str
    path: str
    pattern: bool = False
    files: list[_File] = []
    checks: dict[str, str] = {}
    include: list[str] = []
    exclude: list[str] = []
    maximum_file_size: int | None = None


class _Artifacts(BaseModel):
    artifacts: list[_Artifact]


@dataclass(frozen=True)
class DatabaseEntry:
    """A database that an agent serves; `files` maps each path it is now to what stands for it in a request."""

    name: str
    path: str
    pattern: bool
    files: Mapping[str, str]
    checks: dict[str, str]


@dataclass(frozen=True)
class FolderEntry:
    """A folder that an agent serves, and what of it."""

    name: str
    path: str
    include: list[str]
    exclude: list[str]
    maximum_file_size: int | None


@dataclass(frozen=True)
class Listing:
    """Everything that an agent serves, by name."""

    databases: Mapping[str, DatabaseEntry]
    folders: Mapping[str, FolderEntry]
    full: bool


def read_listing(reply: Any, target: str) -> Listing:
    """Return what a listing says. Raise CaptureError, reason `bad_reply`, if it is none."""
    try:
        found = _Artifacts.model_validate(reply).artifacts
    except ValidationError as error:
        raise refusal(target, "bad_reply", f"the agent's listing is not complete: {error}"[:500]) from None
    return Listing(
        databases={one.name: _database(one) for one in found if one.kind == "database"},
        folders={one.name: _folder(one) for one in found if one.kind == "files"},
        full=any(one.kind == "full" for one in found),
    )


def _database(one: _Artifact) -> DatabaseEntry:
    return DatabaseEntry(one.name, one.path, one.pattern, {file.path: file.id for file in one.files}, one.checks)


def _folder(one: _Artifact) -> FolderEntry:
    return FolderEntry(one.name, one.path, one.include, one.exclude, one.maximum_file_size)
