"""An archive that an agent makes: the fleet file is compared with what the agent serves, and its frames are read as they come."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from fleetsave.model.archives import DATABASES, FILES, ArchiveOrder, TreePart
from fleetsave.model.errors import FleetsaveError, RemoteFileError
from fleetsave.model.fleet import FileSet, Server
from fleetsave.sources.agent.door_names import name_of_match
from fleetsave.sources.agent_listing import DatabaseEntry, Listing
from fleetsave.sources.files.archive import ArchiveStream
from fleetsave.sources.sqlite.refusals import refusal
from fleetsave.transports.https import HttpsConnection

_SLACK_SECONDS = 60.0
_EVERYTHING = ["**"]


@contextmanager
def archive_over_https(
    connection: HttpsConnection, server: Server, listing: Listing, order: ArchiveOrder, should_stop: Callable[[], bool]
) -> Iterator[ArchiveStream]:
    """Lend an archive that an agent is making. Raise CaptureError if it would not be what was ordered, or TransportError."""
    resource = _resource(server, listing, order)
    try:
        with connection.request("GET", resource, {"snapshot": order.name}) as answer:
            answer.grant(order.deadline + _SLACK_SECONDS)
            yield ArchiveStream(answer.read, order, should_stop)
    except RemoteFileError as error:
        raise refusal(order.source_path, "not_served", error.cause) from error
    except BaseException:
        with suppress(FleetsaveError):  # what it had frozen is also swept a day later
            connection.delete(f"/backup/snapshots/{order.name}")
        raise


def _resource(server: Server, listing: Listing, order: ArchiveOrder) -> str:
    """Return what the agent calls the archive, after everything in it has been compared."""
    for tree in order.trees:
        _require_same_folder(server, listing, order, tree)
    if not order.databases and [tree.path for tree in order.trees] == [order.source_path]:
        return f"/backup/files/{_name(order.trees[0])}"
    if not listing.full:
        raise refusal(order.source_path, "not_served", "the agent's configuration does not allow a full backup")
    served = {member: path for database in listing.databases.values() for member, path in _members(database)}
    for part in order.databases:
        if served.get(part.member) != part.path:
            there = served.get(part.member, "none")
            raise refusal(part.path, "path_differs", f"the agent's path for {part.member} is {there[:200]!r}")
    return "/backup/full/full"


def _members(database: DatabaseEntry) -> Iterator[tuple[str, str]]:
    """Yield what an archive calls each file that a database is, and its path."""
    for path in database.files:
        name = name_of_match(database.name, database.path, path) if database.pattern else database.name
        yield f"{DATABASES}/{name}.db", path


def _require_same_folder(server: Server, listing: Listing, order: ArchiveOrder, tree: TreePart) -> None:
    """Raise CaptureError unless the agent has the same folder, and what the fleet file says of it, if it says anything."""
    name = _name(tree)
    served = listing.folders.get(name)
    if served is None:
        raise refusal(order.source_path, "not_served", f"the agent has no files, configuration or logs of the name {name!r}")
    if served.path != tree.path:
        raise refusal(tree.path, "path_differs", f"the agent's path for {name!r} is {served.path[:200]!r}")
    said = next((one for one in server.file_sets if one.name == name), FileSet(path=tree.path))
    compared: tuple[tuple[str, object, object, object], ...] = (
        ("include", said.include, _EVERYTHING, served.include),
        ("exclude", said.exclude, [], served.exclude),
        ("maximum_file_size", said.maximum_file_size, None, served.maximum_file_size),
    )
    for what, here, unsaid, there in compared:
        if here not in (unsaid, there):
            raise refusal(tree.path, "selection_differs", f"the agent's {what} for {name!r} is {there!r}, and not {here!r}"[:500])


def _name(tree: TreePart) -> str:
    return tree.member.removeprefix(f"{FILES}/")
