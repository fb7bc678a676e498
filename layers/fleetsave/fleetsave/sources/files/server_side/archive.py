"""One archive from its order: databases first, then folders, the manifest last."""

import os
import platform
import time
from collections.abc import Iterator
from typing import Any

from fleetsave.sources.files.server_side.archive_writer import ArchiveWriter
from fleetsave.sources.files.server_side.frames import DATA_FRAME, MANIFEST_FRAME, FrameWriter
from fleetsave.sources.files.server_side.tar_members import MemberMeta
from fleetsave.sources.files.server_side.tree import TreeCapture
from fleetsave.sources.files.server_side.tree_databases import DatabaseSnapshots
from fleetsave.sources.files.server_side.tree_entries import OwnerNames
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, explain
from fleetsave.sources.sqlite.server_side.staging import staging_path


class ArchiveMaker:
    """Makes the archive that `values` asks for. Raise RefusedError if one of its folders cannot be listed."""

    def __init__(self, values: "dict[str, Any]", deadline: Deadline) -> None:
        self._started = time.monotonic()
        self._deadline = deadline
        self._databases = values["databases"]
        self._writer = ArchiveWriter(os.urandom(16).hex())
        self._snapshots = DatabaseSnapshots(values.get("staging"), values["name"], deadline)
        self._owners = OwnerNames()
        staging = os.path.realpath(staging_path(values.get("staging")))
        parts = (self._writer, self._snapshots, self._owners, staging, deadline)
        self._trees = [TreeCapture(part, *parts) for part in values["trees"]]

    def make(self, frames: FrameWriter) -> "dict[str, Any]":
        """Write all of it and return the report. Raise RefusedError if it cannot be had whole, OSError if nobody reads."""
        for piece in self._members():
            self._deadline.check()
            frames.write(DATA_FRAME, piece)
        for piece in self._writer.manifest():
            frames.write(MANIFEST_FRAME, piece)
        self._writer.end()
        for piece in self._writer.rest():
            frames.write(DATA_FRAME, piece)
        report = dict(self._writer.report(), runtime="python " + platform.python_version(), notes=[])
        return dict(report, seconds=round(time.monotonic() - self._started, 6))

    def _members(self) -> "Iterator[bytes]":
        for part in self._databases:
            yield from self._database(part)
        for tree in self._trees:
            yield from tree.pieces()
        self._writer.begin_manifest(MemberMeta(0o600, os.geteuid(), os.getegid(), "", "", int(time.time()) * 1000000000, {}))
        yield from self._writer.rest()

    def _database(self, part: "dict[str, Any]") -> "Iterator[bytes]":
        try:
            status = os.stat(part["path"].encode("utf-8", "surrogateescape"))
            limits = (part["deadline"], part["lock_limit"])
            content = self._snapshots.taken(part["path"], part["checks"], *limits, self._owners.meta(status))
        except OSError as error:
            refused = explain(error, None)
            raise RefusedError(refused.reason, f"{part['path']}: {refused.cause}") from None
        except RefusedError as error:
            raise RefusedError(error.reason, f"{part['path']}: {error.cause}") from None
        yield from self._writer.file(part["member"], content)
        yield from self._writer.full()
