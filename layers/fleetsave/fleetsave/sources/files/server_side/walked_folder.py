"""A folder that is being walked, open all the while: what it holds is reached through it, whatever becomes of its path."""

import os
import stat
from typing import Any

from fleetsave.sources.files.server_side.tree_databases import SQLITE_MAGIC
from fleetsave.sources.files.server_side.tree_entries import ENTRY_FLAGS


class TreeFolder:
    """An open folder on the way down: its names still to come, and whether it has been written itself."""

    def __init__(self, descriptor: int, path: bytes, name: str, place: "Any") -> None:
        self.descriptor = descriptor
        self.path = path
        self.name = name
        self.place = place
        self.is_written = False
        self._all = sorted(os.fsencode(entry) for entry in os.listdir(descriptor))
        self._databases = {}  # type: dict[bytes, bool]
        self.names = iter(self._all)

    def is_database(self, name: bytes) -> bool:
        """Tell whether a file here is an SQLite database, whether it is archived or not."""
        if name not in self._databases:
            self._databases[name] = False
            try:
                descriptor = os.open(name, ENTRY_FLAGS, dir_fd=self.descriptor)
            except OSError:  # there is no such file, or it is not ours to read
                return False
            try:
                is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
                self._databases[name] = is_file and os.pread(descriptor, len(SQLITE_MAGIC), 0) == SQLITE_MAGIC
            finally:
                os.close(descriptor)
        return self._databases[name]

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self.descriptor)
