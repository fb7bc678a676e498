"""The way to a thing below a folder: name by name, never through a link."""

import os
import stat

TREE_FOLDER_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC


class FolderChain:
    """Opens folders below one that is given by its path; the last way stays open, as what comes next is mostly near it."""

    def __init__(self, root: bytes) -> None:
        self._names = []  # type: list[bytes]
        self._descriptors = [os.open(root, TREE_FOLDER_FLAGS)]

    def __enter__(self) -> "FolderChain":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def folder(self, names: "list[bytes]") -> int:
        """Return the descriptor of a folder, good until the next call. Raise OSError if one on the way is none, or a link."""
        shared = 0
        while shared < len(names) and shared < len(self._names) and names[shared] == self._names[shared]:
            shared += 1
        while len(self._names) > shared:
            self._names.pop()
            os.close(self._descriptors.pop())
        for name in names[shared:]:
            self._descriptors.append(os.open(name, TREE_FOLDER_FLAGS, dir_fd=self._descriptors[-1]))
            self._names.append(name)
        return self._descriptors[-1]

    def parent(self, path: bytes) -> "tuple[int, bytes]":
        """Return the descriptor of the folder that a path lies in, and its name there; `.` is the root itself."""
        names = path.split(b"/")
        return self.folder(names[:-1]), names[-1]

    def status(self, path: bytes) -> "os.stat_result | None":
        """Return what stands at a path, None if nothing does or a folder on the way is missing."""
        try:
            folder, name = self.parent(path)
            return os.lstat(name, dir_fd=folder)
        except FileNotFoundError:
            return None

    def make(self, path: bytes, mode: int = 0o700) -> bool:
        """Make a folder, and tell whether it was missing. Raise OSError if something else stands there."""
        folder, name = self.parent(path)
        try:
            os.mkdir(name, mode, dir_fd=folder)
        except FileExistsError:
            if stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
                return False
            raise
        return True

    def close(self) -> None:
        """Close all of it."""
        while self._descriptors:
            os.close(self._descriptors.pop())


def remove_tree(folder: int, name: bytes) -> None:
    """Remove whatever stands under a name, never following a link, folders that forbid it too."""
    if not stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
        os.unlink(name, dir_fd=folder)
        return
    os.chmod(name, 0o700, dir_fd=folder)  # a folder of our own that a link cannot replace: the workplace is ours alone
    descriptor = os.open(name, TREE_FOLDER_FLAGS, dir_fd=folder)
    try:
        for inner in os.listdir(descriptor):
            remove_tree(descriptor, os.fsencode(inner))
    finally:
        os.close(descriptor)
    os.rmdir(name, dir_fd=folder)
