"""Chosen paths are put into a folder that stays: what was there of each is moved aside first. Each step can be repeated.

Where a thing lies tells how far it came: in `new` until it was put, what it replaced in `aside`, what was taken back in `undone`.
"""

import errno
import os
import stat
from contextlib import suppress
from typing import Any

from fleetsave.sources.files.server_side.tree_expected import ExpectedEntry, encoded_path, expected_entries
from fleetsave.sources.files.server_side.tree_folders import FolderChain
from fleetsave.sources.files.server_side.tree_meta import Lacks, give_meta
from fleetsave.sources.files.server_side.tree_target import TreeRequest, TreeTarget
from fleetsave.sources.files.server_side.tree_workplace import NEW_TREE, TreeWorkplace
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError
from fleetsave.sources.sqlite.server_side.workplace import ASIDE, UNDONE

MOVED = "moved.json"
"""Notes that everything that was to be gone has been moved away."""

NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK)


def missing_folders(request: TreeRequest, target: TreeTarget, place: TreeWorkplace) -> "list[str]":
    """Return the folders that are to be made, as the live tree is before anything is moved."""
    moved = tuple(encoded_path(path) for path in request.away)
    with FolderChain(target.path) as live:
        return [
            os.fsdecode(entry.path)
            for entry in expected_entries(place)
            if entry.is_folder and entry.path != b"." and (is_below(entry.path, moved) or live.status(entry.path) is None)
        ]


def times_of_folders(request: TreeRequest, target: TreeTarget, place: TreeWorkplace) -> "dict[str, list[int]]":
    """Return the times of the folders that things will be moved in and out of, as the live tree is before that."""
    paths = [entry.path for entry in expected_entries(place) if entry.path != b"."]
    parents = {os.path.dirname(path) or b"." for path in [*paths, *(encoded_path(path) for path in request.away)]}
    found = {}  # type: dict[str, list[int]]
    with FolderChain(target.path) as live:
        for path in sorted(parents):
            try:
                status = live.status(path)
            except OSError:  # a link, or a file, which is moved away
                continue
            if status is not None and stat.S_ISDIR(status.st_mode):
                found[os.fsdecode(path)] = [status.st_atime_ns, status.st_mtime_ns]
    return found


def is_below(path: bytes, folders: "tuple[bytes, ...]") -> bool:
    """Tell whether a path is one of these, or lies in one."""
    return any(path == folder or path.startswith(folder + b"/") for folder in folders)


class ChosenPaths:
    """One exchange of chosen paths: its `marker` has the folders that it makes, and takes away again if it is rolled back.

    It has the times of those that stay, too, for a folder should not look as if the game had written in it.
    """

    def __init__(
        self, request: TreeRequest, target: TreeTarget, place: TreeWorkplace, deadline: Deadline, marker: "dict[str, Any]"
    ) -> None:
        self._away = [encoded_path(path) for path in request.away]
        self._folders = [os.fsencode(path) for path in marker["folders"]]
        self._times = {os.fsencode(path): times for path, times in marker["times"].items()}
        self._target = target
        self._place = place
        self._deadline = deadline

    def put(self) -> None:
        """Move away what is to be gone and what is replaced, and put what was chosen."""
        new = set(self._folders)
        with FolderChain(self._target.path) as live:
            if not self._place.has(MOVED):
                for path in self._away:
                    self._move(live, path, ASIDE)
                self._place.note(MOVED, {})  # from here on what stands at those paths is what this recovery puts there
            for path in self._folders:
                self._made_or_refused(live, path)
            for entry in self._items():
                self._put(live, entry)
            for entry in reversed([one for one in expected_entries(self._place) if one.is_folder and one.path in new]):
                descriptor = os.dup(live.folder(entry.path.split(b"/")))
                try:
                    give_meta(descriptor, entry, Lacks())
                finally:
                    os.close(descriptor)
            self._give_times(live)
        os.sync()

    def take_back(self) -> None:
        """Move away what was put."""
        with FolderChain(self._target.path) as live:
            for entry in self._items():
                if os.path.lexists(self._in(UNDONE, entry.path)):
                    continue
                status, waiting = live.status(entry.path), self._in(NEW_TREE, entry.path)
                if not os.path.lexists(waiting):
                    self._move(live, entry.path, UNDONE)
                elif status is not None and os.path.samestat(status, os.lstat(waiting)):
                    folder, name = live.parent(entry.path)
                    os.unlink(name, dir_fd=folder)
        os.sync()

    def put_back(self) -> None:
        """Remove the folders that were made, and move back what was moved aside, each to where it was."""
        with FolderChain(self._target.path) as live:
            for path in reversed(self._folders if self._place.has(MOVED) else []):
                with suppress(OSError):  # it was never made, or holds what a program has put there, and stays
                    folder, name = live.parent(path)
                    os.chmod(name, 0o700, dir_fd=folder)
                    os.rmdir(name, dir_fd=folder)
        with FolderChain(self._target.path) as live:
            for path in self._away:
                self._return(live, path)
            for entry in self._items():
                self._return(live, entry.path)
        aside = self._place.folder(ASIDE)
        for parent, _, _ in os.walk(aside, topdown=False):
            with suppress(OSError):  # not empty: it is kept
                os.rmdir(parent)
        with FolderChain(self._target.path) as live:
            self._give_times(live)
        os.sync()

    def _give_times(self, live: FolderChain) -> None:
        for path, (accessed, written) in self._times.items():
            with suppress(OSError):  # it is no folder any more, or not there
                os.utime(live.folder([] if path == b"." else path.split(b"/")), ns=(accessed, written))

    def _items(self) -> "list[ExpectedEntry]":
        return [entry for entry in expected_entries(self._place) if not entry.is_folder]

    def _in(self, name: str, path: bytes) -> bytes:
        return os.path.join(self._place.file(name), path)

    def _made_or_refused(self, live: FolderChain, path: bytes) -> None:
        try:
            live.make(path)
        except OSError:
            raise RefusedError("in_the_way", f"{os.fsdecode(path)!r} is no folder any more that could be made") from None

    def _put(self, live: FolderChain, entry: ExpectedEntry) -> None:
        self._deadline.check()
        waiting = self._in(NEW_TREE, entry.path)
        if not os.path.lexists(waiting):
            return  # it was put before
        try:
            status = live.status(entry.path)
            if status is None or not os.path.samestat(status, os.lstat(waiting)):
                self._move(live, entry.path, ASIDE)
                folder, name = live.parent(entry.path)
                link_or_rename(waiting, folder, name)
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
            raise RefusedError("in_the_way", f"{os.fsdecode(entry.path)!r} lies in what is no folder any more") from None
        with suppress(FileNotFoundError):
            os.unlink(waiting)

    def _move(self, live: FolderChain, path: bytes, name: str) -> None:
        """Move what stands at a path into the workplace, if anything does."""
        if live.status(path) is None:
            return
        there = self._in(name, path)
        self._place.folder(name)
        os.makedirs(os.path.dirname(there), 0o700, exist_ok=True)
        if os.path.lexists(there):
            raise RefusedError("target_exists", f"there are two files that belong at {os.fsdecode(path)}")
        folder, own = live.parent(path)
        os.rename(own, there, src_dir_fd=folder)

    def _return(self, live: FolderChain, path: bytes) -> None:
        there = self._in(ASIDE, path)
        if not os.path.lexists(there):
            return
        if live.status(path) is not None:
            raise RefusedError("target_exists", f"{os.fsdecode(path)!r} has appeared meanwhile")
        folder, name = live.parent(path)
        os.rename(there, name, dst_dir_fd=folder)


def link_or_rename(source: bytes, folder: int, name: bytes) -> None:
    """Give a file or a link its name in a folder, never over anything where the file system has hard links."""
    try:
        os.link(source, name, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        raise RefusedError("target_exists", f"{os.fsdecode(name)!r} has appeared meanwhile") from None
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        os.rename(source, name, dst_dir_fd=folder)
