"""The folder beside the target that holds everything of one recovery: the copy, the new tree, and what was there."""

import os
from contextlib import suppress

from fleetsave.sources.files.server_side.tree_folders import TREE_FOLDER_FLAGS, remove_tree
from fleetsave.sources.files.server_side.tree_target import TreeRequest, TreeTarget
from fleetsave.sources.sqlite.server_side.workplace import MARKER, Workplace

EXPECTED = "expected.jsonl"
"""The list of what is expected, one line of JSON for each entry; it is also the name of the copy's first member."""

NEW_TREE = "new"
TREE_REPORT = "tree.json"


class TreeWorkplace(Workplace):
    """`<folder of the target>/.fleetsave-<recovery id>`, with folders in it."""

    def __init__(self, request: TreeRequest, target: TreeTarget) -> None:
        super().__init__(request, target)  # type: ignore[arg-type]  # of a target it asks the folder alone

    def used(self) -> int:
        """Return how many bytes everything here takes on the disk."""
        if not self.exists:
            return 0
        total = 0
        for parent, _, names in os.walk(self.path):
            for name in names:
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512
        return total

    def discard_tree(self, name: str) -> None:
        """Remove a folder with all that is in it."""
        folder = os.open(self.path, TREE_FOLDER_FLAGS)
        try:
            if self.has(name):
                remove_tree(folder, name.encode())
        finally:
            os.close(folder)

    def remove(self, keep: str) -> None:
        """Remove everything but the folder `keep`, and the workplace too if that is empty; the marker goes last."""
        for name in sorted(os.listdir(self.path), key=lambda name: name == os.fsencode(MARKER)):
            if os.fsdecode(name) == keep:
                with suppress(OSError):  # it is not empty, and stays
                    os.rmdir(self.file(keep))
            else:
                self.discard_tree(os.fsdecode(name))
        with suppress(OSError):
            os.rmdir(self.path)
