"""A game server reached over HTTPS: everything is asked of the agent that runs on it (docs/agent.md).

What is backed up is the configuration of the agent; the fleet file says the same, and where it does not, nothing is captured. A
path or SQL of the fleet file is compared with what the agent has, and never sent to be used.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

from fleetsave.model.archives import ArchiveOrder
from fleetsave.model.fleet import Server, SqliteDatabase
from fleetsave.model.records import CaptureReport
from fleetsave.sources.agent_listing import DatabaseEntry, Listing, read_listing
from fleetsave.sources.archive_over_https import archive_over_https
from fleetsave.sources.base import Capture, LiveArchive
from fleetsave.sources.frozen_over_https import HttpsCapture
from fleetsave.sources.sqlite.refusals import refusal
from fleetsave.sources.sqlite.replies import read_report
from fleetsave.transports.https import Answer, HttpsConnection

_SLACK_SECONDS = 60.0
_REPLY_SECONDS = 60.0


class HttpsSource:
    """The port `ServerSource` over an agent."""

    def __init__(self, connection: HttpsConnection, server: Server) -> None:
        self._connection = connection
        self._server = server

    def expand(self, database: SqliteDatabase) -> list[str]:
        """Return the paths a configured database means, sorted; only a glob asks the agent."""
        if not database.is_glob:
            return [database.path]
        paths = sorted(self._entry(database).files)
        for path in paths:
            if path.encode("utf-8", "replace").decode() != path:
                raise refusal(repr(path), "unsupported_name", "its name is not UTF-8 text")
        return paths

    def capture(self, database: SqliteDatabase, source_path: str, name: str, *, scratch: Path) -> Capture:  # noqa: ARG002 - the port's arguments
        """Let the agent take a snapshot under `name`; one of that name and path is returned as it is.

        `scratch` is not needed: what cannot be frozen on the server is refused over HTTPS.
        """
        entry = self._entry(database)
        if source_path not in entry.files:
            raise refusal(source_path, "missing", "it is none of the files that the agent's pattern matches now")
        resource, query = f"/backup/database/{entry.name}", {"snapshot": name, "file": entry.files[source_path]}
        seconds = database.deadline / timedelta(seconds=1) + _SLACK_SECONDS
        reply = self._ask("GET", f"{resource}/report", source_path, query, seconds=seconds)
        report = self._report(reply, source_path)
        if report.source_path != source_path:
            raise refusal(source_path, "bad_reply", f"the agent captured {report.source_path[:200]!r}")
        return HttpsCapture(self._connection, report, resource, query)

    def resume(self, name: str) -> Capture | None:
        """Return the frozen snapshot of an earlier run, None if it is not there whole, or its database is served no longer."""
        reply = self._ask("GET", f"/backup/snapshots/{name}", name)
        if reply is None:
            return None
        report = self._report(reply, name)
        for entry in self._listing().databases.values():
            file = entry.files.get(report.source_path)
            if file is not None:
                query = {"snapshot": name, "file": file}
                return HttpsCapture(self._connection, report, f"/backup/database/{entry.name}", query)
        return None

    def sweep(self, *, older_than: timedelta) -> list[str]:
        """Let the agent remove the frozen snapshots that are older; return their names."""
        seconds = str(max(0, int(older_than / timedelta(seconds=1))))
        reply = self._ask("DELETE", "/backup/snapshots", self._server.id, {"older_than": seconds})
        if not isinstance(reply, list):
            raise refusal(self._server.id, "bad_reply", "what the agent removed is no list")
        return [str(name) for name in reply]

    def open_archive(self, order: ArchiveOrder, should_stop: Callable[[], bool]) -> AbstractContextManager[LiveArchive]:
        """Lend an archive that the agent is making; `should_stop` tells that the time is up."""
        return archive_over_https(self._connection, self._server, self._listing(), order, should_stop)

    def close(self) -> None:
        """Close whatever is open; closing twice is no error."""
        self._connection.close()

    def _entry(self, database: SqliteDatabase) -> DatabaseEntry:
        """Return what the agent serves under a database's name. Raise CaptureError unless it has the fleet file's path."""
        entry = self._listing().databases.get(database.name)
        if entry is None:
            raise refusal(database.path, "not_served", f"the agent has no database of the name {database.name!r}")
        if (entry.path, entry.pattern) != (database.path, database.is_glob):
            raise refusal(database.path, "path_differs", f"the agent's path for {database.name!r} is {entry.path[:200]!r}")
        if database.checks and database.checks != entry.checks:
            raise refusal(database.path, "checks_differ", "the fleet file's checks are not those of the agent's configuration")
        return entry

    def _listing(self) -> Listing:
        with self._connection.request("GET", "/backup/", within=_REPLY_SECONDS) as answer:
            return read_listing(self._reply(answer, self._server.id, _REPLY_SECONDS), self._server.id)

    def _ask(
        self, method: str, path: str, target: str, query: dict[str, str] | None = None, *, seconds: float = _REPLY_SECONDS
    ) -> Any:  # fmt: skip
        """Return what the on-server script replies. Raise its refusal as a CaptureError, or TransportError."""
        with self._connection.request(method, path, query) as answer:
            return self._reply(answer, target, seconds)

    def _reply(self, answer: Answer, target: str, seconds: float) -> Any:
        reply = answer.read_reply(within=seconds)
        if "error" in reply:
            raise refusal(target, str(reply["error"])[:50], str(reply.get("cause", ""))[:500])
        return reply.get("ok")

    def _report(self, reply: Any, target: str) -> CaptureReport:
        try:
            return read_report({**reply, "sha256_origin": "source"})
        except (ValueError, TypeError) as error:
            raise refusal(target, "bad_reply", f"the agent's report is not complete: {error}"[:500]) from None
