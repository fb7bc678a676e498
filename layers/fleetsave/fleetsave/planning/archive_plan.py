"""What a recovery from an archive will do: which of its members, where to, and what is sent for it."""

from collections.abc import Iterator
from dataclasses import dataclass

from fleetsave.catalog.catalog import Catalog
from fleetsave.checks.archive_database import capture_of
from fleetsave.model.archives import DATABASES, FILES
from fleetsave.model.errors import InvalidInputError, RecoveryRefusedError
from fleetsave.model.fleet import Fleet
from fleetsave.model.keys import BackupKey, parse_id
from fleetsave.model.kinds import Kind
from fleetsave.model.manifests import Entry, EntryType
from fleetsave.model.records import CaptureReport, StoredRecord
from fleetsave.model.recoveries import Reason
from fleetsave.model.recovery_records import RecoveryPlan, RecoveryRequest, Selection
from fleetsave.planning import sqlite_target
from fleetsave.planning.archive_choice import ArchiveChoice
from fleetsave.planning.archive_copy import CopyFacts, copy_facts
from fleetsave.planning.archive_target import find_folder
from fleetsave.planning.target import Origin, Target

_LEFT_OUT = {"unreadable", "too_large", "unsafe_database"}
_BESIDE_DATABASES = ("-wal", "-shm", "-journal")
EVERYTHING = "**"
MOST_ASKED = 1_000
"""Chosen files of which it is asked who has them open; of more, it is asked of the whole folder."""


@dataclass(frozen=True)
class ArchivePlan:
    """What is brought back: the kind of what is replaced, what of the archive, and what is sent (sizes in bytes).

    `capture` is how a database was captured, where one is brought back.
    """

    kind: Kind
    target: Target
    selection: Selection
    size: int
    sha256: str
    capture: CaptureReport | None = None


def plan_archive(request: RecoveryRequest, stored: StoredRecord, fleet: Fleet, catalog: Catalog) -> ArchivePlan:
    """Decide what of an archive a request means, from its manifest. Raise RecoveryRefusedError, InvalidInputError."""
    part = _part(request, stored, catalog)
    if part.startswith(f"{DATABASES}/"):
        return _database(request, f"{part}.db", stored, fleet, catalog)
    found = find_folder(request, part, fleet)
    is_whole = found.is_whole and (found.target.artifact_id is None or not _LEFT_OUT & stored.archive.problems.keys())
    # What the backup left out must stay where it is: then its files are put into the folder, which itself is not replaced.
    paths = list(request.paths) or ([] if is_whole else [EVERYTHING])
    choice = choice_of(catalog, stored, part, paths)
    facts = copy_facts(choice)
    # What stood there before a recovery may stand there again, whatever its links.
    links_out = found.links_out or request.undo_of is not None
    _require_choice(request, part, choice, facts, links_out=links_out)
    selection = Selection(part, paths, facts.entries, facts.content_size, facts.expected_size, links_out)
    return ArchivePlan(Kind.FILES if part else Kind.FULL, found.target, selection, facts.size, facts.sha256)


def choice_of(catalog: Catalog, stored: StoredRecord, root: str, paths: list[str]) -> ArchiveChoice:
    """Return what is chosen of an archive, as often as it is asked."""
    return ArchiveChoice(lambda: catalog.manifest(stored), root, paths)


def chosen_files(choice: ArchiveChoice) -> list[str]:
    """Return the paths of what is chosen and no folder; none if they are more than `MOST_ASKED`."""
    paths = []
    for one in choice.choices():
        if not one.is_way and one.entry.type is not EntryType.DIRECTORY:
            paths.append(one.entry.path)
        if len(paths) > MOST_ASKED:
            return []
    return paths


def newly_made(request: RecoveryRequest, safety: StoredRecord, root: str, catalog: Catalog) -> list[str]:
    """Return what a recovery of chosen paths had made that was not there before it: undoing it takes that away again.

    `safety` is the backup of what was there; in both of them the folder is the member `root`. Of a folder that was made, its own
    path alone.
    """
    if request.undoes_backup is None:
        return []
    restored = catalog.stored(BackupKey.parse(request.undoes_backup))
    choice = choice_of(catalog, restored, root, request.paths)
    paths = {one.entry.path: None for one in choice.choices()}
    for one in choice_of(catalog, safety, root, []).choices():
        paths.pop(one.entry.path, None)
    made: list[str] = []
    for path in paths:
        if not (made and path.startswith(f"{made[-1]}/")):
            made.append(path)
    return made


def chosen_and_away(request: RecoveryRequest, plan: RecoveryPlan, catalog: Catalog) -> tuple[list[str], list[str]]:
    """Return which files a recovery of chosen paths replaces, and what it moves aside without putting anything there.

    That is what an earlier recovery had newly made, if this one undoes it, and what lies beside a SQLite database: with another
    database than its own, a -wal ruins it.
    """
    selection = plan.selection
    if selection is None or selection.is_whole:
        return [], []
    stored = catalog.stored(BackupKey.parse(plan.backup_key))
    choice = choice_of(catalog, stored, selection.root, selection.paths)
    databases = [one.entry.path for one in choice.choices() if one.entry.sqlite is not None]
    beside = [path + suffix for path in databases for suffix in _BESIDE_DATABASES]
    return chosen_files(choice), [*newly_made(request, stored, selection.root, catalog), *beside]


def _part(request: RecoveryRequest, stored: StoredRecord, catalog: Catalog) -> str:
    """Return the member that is meant, "" for the whole of a full backup, without the ending of a database's."""
    if Kind(stored.kind) is Kind.FULL:
        if request.part is not None:
            parse_part(request.part)
        elif request.paths:
            raise _refused(request, "paths are those of one folder", "Say in `part` which: files/<set>.", Reason.UNKNOWN_PART)
        return request.part or ""
    if request.part is not None:
        raise InvalidInputError("read part", request.part, "only full backups have parts", "Leave it out.")
    return next(catalog.manifest(stored)).path


def parse_part(text: str) -> str:
    """Return what names a part of a full backup, `databases/<artifact>` or `files/<set>`. Raise InvalidInputError otherwise."""
    kind, _, name = text.partition("/")
    if kind not in (DATABASES, FILES):
        raise InvalidInputError("read part", repr(text[:100]), "it names no part of a full backup", "For example files/logs.")
    parse_id(name, "part")
    return text


def _database(
    request: RecoveryRequest, member: str, stored: StoredRecord, fleet: Fleet, catalog: Catalog
) -> ArchivePlan:  # fmt: skip
    if request.paths:
        raise _refused(request, "a database has no paths", "Leave `paths` out.", Reason.UNKNOWN_PART)
    entry = next((one for one in catalog.manifest(stored) if one.path == member), None)
    if entry is None or entry.sqlite is None:
        raise _unknown_part(request, member, catalog.manifest(stored))
    capture = capture_of(entry)
    name = member.removeprefix(f"{DATABASES}/").removesuffix(".db")
    target = sqlite_target.find_target(request, Origin(name, capture.source_path), fleet)
    selection = Selection(member, [], 1, entry.size, 0)
    return ArchivePlan(Kind.DATABASE, target, selection, entry.size, entry.sha256, capture)


def _require_choice(
    request: RecoveryRequest, part: str, choice: ArchiveChoice, facts: CopyFacts, *, links_out: bool
) -> None:  # fmt: skip
    if not facts.entries and not request.paths:
        raise _unknown_part(request, part, choice.everything())
    # What a recovery had deleted is not in the backup that was made before it: undoing it looks for it in vain, and rightly.
    if choice.unmatched and request.paths and request.undo_of is None:
        raise _refused(
            request, f"the backup holds nothing that matches {', '.join(map(repr, choice.unmatched))[:500]}",
            "They are relative to the folder, as in the fleet file's include; the manifest beside the backup lists all.",
            Reason.NOTHING_CHOSEN,
        )  # fmt: skip
    if facts.links_out and not links_out:
        raise _refused(
            request, f"links lead out of the folder: {', '.join(facts.links_out)}",
            "If they may, say `links_out: true` for the set in the fleet file; or choose paths without them.", Reason.LINKS_OUT,
        )  # fmt: skip


def _unknown_part(request: RecoveryRequest, part: str, entries: Iterator[Entry]) -> RecoveryRefusedError:
    held = sorted({"/".join(entry.path.removesuffix(".db").split("/")[:2]) for entry in entries})
    return _refused(request, f"the backup holds no {part}", f"It holds: {', '.join(held)[:500]}.", Reason.UNKNOWN_PART)


def _refused(request: RecoveryRequest, cause: str, hint: str, reason: Reason) -> RecoveryRefusedError:
    return RecoveryRefusedError("recover", request.server_id, cause, hint, reason=reason)
