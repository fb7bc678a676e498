"""A whole tree takes the place of another by renaming: the old one is moved aside and kept. Each step can be repeated."""

import os
from typing import Any

from fleetsave.sources.files.server_side.tree_expected import expected_entries
from fleetsave.sources.files.server_side.tree_folders import TREE_FOLDER_FLAGS
from fleetsave.sources.files.server_side.tree_meta import Lacks, give_meta
from fleetsave.sources.files.server_side.tree_target import TreeTarget
from fleetsave.sources.files.server_side.tree_workplace import NEW_TREE, TreeWorkplace
from fleetsave.sources.sqlite.server_side.exchange import identity_of
from fleetsave.sources.sqlite.server_side.ground import RefusedError
from fleetsave.sources.sqlite.server_side.workplace import ASIDE, UNDONE, sync_folder


def put_tree(marker: "dict[str, Any]", target: TreeTarget, place: TreeWorkplace) -> None:
    """Move what is there aside, and let the new tree take its place; a folder is never renamed over one that holds anything."""
    if identity_of(target.path) != marker["new"]:
        if not place.has(NEW_TREE):
            raise RefusedError("not_whole", "the new tree has gone from where it was put")
        aside = place.folder(ASIDE)
        here, there = identity_of(target.path), os.path.join(aside, target.name)
        if here and (here != marker["old"] or os.path.lexists(there)):
            raise RefusedError("target_exists", "something else has appeared there while the old folder was moved aside")
        if here:
            os.rename(target.path, there)
            sync_folder(aside)
            sync_folder(target.folder)
        os.rename(place.file(NEW_TREE), target.path)
        sync_folder(target.folder)
        sync_folder(place.path)
    _finish_root(target, place)


def _finish_root(target: TreeTarget, place: TreeWorkplace) -> None:
    """Give the folder itself what it has: only now, since one that forbids writing cannot be renamed by everybody."""
    for entry in expected_entries(place):
        if entry.path == b".":
            descriptor = os.open(target.path, TREE_FOLDER_FLAGS)
            try:
                give_meta(descriptor, entry, Lacks())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            return


def take_back_tree(marker: "dict[str, Any]", target: TreeTarget, place: TreeWorkplace) -> None:
    """Move the new tree away with all that was written in it. Raise RefusedError if something else stands there."""
    here = identity_of(target.path)
    if not here or here == marker["old"]:
        return  # it was moved away before, or nothing had been moved yet
    if here != marker["new"]:
        raise RefusedError("target_exists", "what stands there now is neither the old folder nor the restored one")
    os.chmod(target.path, 0o700)  # one that forbids writing cannot be renamed by everybody
    os.rename(target.path, os.path.join(place.folder(UNDONE), target.name))
    sync_folder(target.folder)


def put_back_tree(target: TreeTarget, place: TreeWorkplace) -> None:
    """Move the old folder back."""
    there = os.path.join(place.folder(ASIDE), target.name)
    if os.path.lexists(there):
        if target.exists:
            raise RefusedError("target_exists", f"{os.fsdecode(target.path)} has appeared meanwhile")
        os.rename(there, target.path)
        sync_folder(target.folder)
