"""The proof that what was restored stands where it belongs, with the programs that use it running."""

import hashlib
import os
import stat
from typing import Any

from fleetsave.sources.files.server_side.tree_check import checked_tree
from fleetsave.sources.files.server_side.tree_expected import ExpectedEntry, expected_entries
from fleetsave.sources.files.server_side.tree_folders import FolderChain
from fleetsave.sources.files.server_side.tree_meta import Lacks, compare_meta
from fleetsave.sources.files.server_side.tree_target import TreeRequest, TreeTarget
from fleetsave.sources.files.server_side.tree_workplace import TreeWorkplace
from fleetsave.sources.sqlite.server_side.content import CHUNK
from fleetsave.sources.sqlite.server_side.ground import Deadline

MOST_WRONG_NAMED = 10


class ProofOfTree:
    """Compares every entry with what is there. `wrong` are sentences on what differs though its time says it was not touched.

    `written` counts what a program has written since: its time, or that of the folder it is missing from, is another.
    """

    def __init__(self, target: TreeTarget, deadline: Deadline) -> None:
        self._target = target
        self._deadline = deadline
        self._touched = set()  # type: set[bytes]
        self.entries = self.written = self.unreadable = self.failed = 0
        self.wrong = []  # type: list[str]
        self.lacks = Lacks()

    def compare(self, place: TreeWorkplace, *, into: bool) -> None:
        """Compare all that is expected."""
        with FolderChain(self._target.path) as live:
            for entry in expected_entries(place):
                self._deadline.check()
                if entry.is_way and into:
                    continue
                self.entries += 1
                try:
                    self._compare(entry, live, into=into)
                except PermissionError:
                    self.unreadable += 1
                except FileNotFoundError:
                    self._missing(entry)
                except OSError as error:
                    self._fail(entry, str(error.strerror))

    def _compare(self, entry: ExpectedEntry, live: FolderChain, *, into: bool) -> None:
        folder, name = live.parent(entry.path)
        status = os.lstat(name, dir_fd=folder)
        kinds = {"directory": stat.S_ISDIR, "symlink": stat.S_ISLNK}
        if not kinds.get(entry.kind, stat.S_ISREG)(status.st_mode):
            self._fail(entry, f"it is no {entry.kind}")
        elif entry.is_folder:
            if status.st_mtime_ns != entry.mtime_ns:
                self._touched.add(entry.path)
            if not into:
                compare_meta(status, entry, self.lacks)
        elif entry.kind == "symlink":
            if os.readlink(name, dir_fd=folder) != entry.target:
                self._fail(entry, "it leads elsewhere")
        elif entry.kind == "file":
            self._compare_file(entry, status, folder, name)
        else:
            first, own = live.parent(entry.target)
            if not os.path.samestat(os.lstat(own, dir_fd=first), status):
                self.written += 1

    def _compare_file(self, entry: ExpectedEntry, status: "os.stat_result", folder: int, name: bytes) -> None:
        if status.st_mtime_ns != entry.mtime_ns:
            self.written += 1
            return
        compare_meta(status, entry, self.lacks)
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        try:
            digest = hashlib.sha256()
            while True:
                block = os.read(descriptor, CHUNK)
                if not block:
                    break
                self._deadline.check()
                digest.update(block)
            if digest.hexdigest() == entry.sha256:
                return
            if os.fstat(descriptor).st_mtime_ns != entry.mtime_ns:
                self.written += 1
            else:
                self._fail(entry, f"it has sha256 {digest.hexdigest()}, not {entry.sha256}")
        finally:
            os.close(descriptor)

    def _missing(self, entry: ExpectedEntry) -> None:
        """Something may have been removed by a program: then its folder, or the lowest one that is left, has another time."""
        parent = os.path.dirname(entry.path) or b"."
        if parent in self._touched or entry.path in self._touched:
            self._touched.add(entry.path)
            self.written += 1
        else:
            self._fail(entry, "it is missing")

    def _fail(self, entry: ExpectedEntry, cause: str) -> None:
        self.failed += 1
        if len(self.wrong) < MOST_WRONG_NAMED:
            self.wrong.append(f"{os.fsdecode(entry.path)!r}: {cause}")


def verify_tree(request: TreeRequest, target: TreeTarget, place: TreeWorkplace, deadline: Deadline) -> "dict[str, Any]":
    """Compare what stands there with what is expected, and count what programs have written since."""
    into = checked_tree(request, place)["into"]
    proof = ProofOfTree(target, deadline)
    proof.compare(place, into=into)
    found = {"entries": proof.entries, "written": proof.written, "unreadable": proof.unreadable}  # type: dict[str, Any]
    return dict(found, failed=proof.failed, wrong=proof.wrong, lacks=proof.lacks.counts)
