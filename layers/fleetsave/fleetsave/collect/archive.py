"""An archive of a set of files, or of a whole server: what to ask for, and what of it is refused."""

from contextlib import AbstractContextManager
from datetime import timedelta

from fleetsave.collect.live import LiveReport, store_stream
from fleetsave.collect.outcome import Outcome
from fleetsave.collect.ports import Ports
from fleetsave.collect.state import StateFile
from fleetsave.collect.upload import LEFTOVER_AGE
from fleetsave.model.archives import DATABASES, FILES, PARTIAL_PROBLEMS, ArchiveOrder, ArchiveReport, DatabasePart, TreePart
from fleetsave.model.errors import CaptureError, InvalidInputError
from fleetsave.model.fleet import FileSet, Full, Server, SqliteDatabase
from fleetsave.model.jobs import Job
from fleetsave.model.keys import BackupKey
from fleetsave.sources.base import LiveArchive, ServerSource
from fleetsave.sources.sqlite.names import artifact_name, snapshot_name

_SECOND = timedelta(seconds=1)
_NAMED = 5
EVERYTHING = "/"
"""The source path of a full backup."""


def store_archive(
    job: Job, server: Server, archived: FileSet | Full, source: ServerSource, state: StateFile, ports: Ports
) -> Outcome:  # fmt: skip
    """Archive a set of files, or all of a server, for a slot, unless that is done. Raise as `store_stream` does.

    Raise CaptureError, reason `partial`, if the fleet file refuses a capture in which content is missing or may be torn; and
    InvalidInputError for a job that names another path than the fleet file.
    """
    key = BackupKey(job.artifact_id, job.stored_slot, archived.compression)
    path = archived.path if isinstance(archived, FileSet) else EVERYTHING
    if job.source_path not in (None, path):
        raise InvalidInputError(
            "collect", str(job.artifact_id), f"the fleet file says {path!r}, and the job {job.source_path!r}",
            "Jobs are made from the fleet file; drop this one.",
        )  # fmt: skip

    def require(report: LiveReport) -> None:
        # What is kept before a recovery is kept as it is, and its gaps are named.
        if isinstance(report, ArchiveReport) and archived.on_partial == "fail" and not key.artifact_id.is_safety:
            _require_whole(key, report)

    def open_archive() -> AbstractContextManager[LiveArchive]:
        source.sweep(older_than=LEFTOVER_AGE)
        return source.open_archive(order_of(key, server, archived, source), ports.is_near_deadline)

    return store_stream(key, job, open_archive, require, state, ports)


def order_of(key: BackupKey, server: Server, archived: FileSet | Full, source: ServerSource) -> ArchiveOrder:
    """Return what an archive is to hold; only globs of databases are looked up on the server."""
    name = snapshot_name(key.artifact_id, key.slot)
    deadline = archived.deadline / _SECOND
    if isinstance(archived, FileSet):
        return ArchiveOrder(name, archived.path, deadline, [], [_tree(archived, [])])
    databases = [part for database in server.databases for part in _databases(database, source)]
    own = [part.path for part in databases]
    return ArchiveOrder(name, EVERYTHING, deadline, databases, [_tree(file_set, own) for file_set in server.file_sets])


def _databases(database: SqliteDatabase, source: ServerSource) -> list[DatabasePart]:
    return [
        DatabasePart(
            member=f"{DATABASES}/{artifact_name(database, path)}.db",
            path=path,
            checks=database.checks if database.fingerprint else None,
            deadline=database.deadline / _SECOND,
            lock_limit=database.lock_limit / _SECOND,
        )
        for path in source.expand(database)
    ]


def _tree(file_set: FileSet, databases: list[str]) -> TreePart:
    """Return the folder of a set without the databases that stand in the same archive for themselves."""
    root = file_set.path.rstrip("/") + "/"
    own = [path.removeprefix(root) for path in databases if path.startswith(root)]
    exclude = [*file_set.exclude, *(_literal(path + suffix) for path in own for suffix in ("", "-wal", "-shm", "-journal"))]
    return TreePart(f"{FILES}/{file_set.name}", file_set.path, list(file_set.include), exclude, file_set.maximum_file_size)


def _literal(path: str) -> str:
    """Return the pattern that matches a path and nothing else."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in path)


def _require_whole(key: BackupKey, report: ArchiveReport) -> None:
    if not report.is_partial:
        return
    partial = [f"{one.path} ({one.problem}: {one.detail})" for one in report.named if one.problem in PARTIAL_PROBLEMS]
    count = sum(number for problem, number in report.problems.items() if problem in PARTIAL_PROBLEMS)
    more = f" and {count - _NAMED} more" if count > _NAMED else ""
    raise CaptureError(
        "archive", key.text, f"{count} files were not captured whole and at rest: {', '.join(partial[:_NAMED])}{more}"[:2000],
        "Let the account read them, or exclude them; on_partial: warn keeps such a backup, with a warning.",
        reason="partial",
        retryable=all(problem not in report.problems for problem in ("unreadable", "too_large", "unsafe_database")),
    )  # fmt: skip
