"""Why a folder cannot be restored on its server: every reason by its name, what a person should do, and whether it may pass.

What folders have in common with databases has the names and the words of `fleetsave.sources.sqlite.restore_refusals`.
"""

from fleetsave.model.errors import RestoreError
from fleetsave.sources.sqlite.refusals import Refusal
from fleetsave.sources.sqlite.restore_refusals import restore_refusal as sqlite_restore_refusal

_BY_HAND = "or restore by hand after docs/runbook-recovery.md"

TREE_REFUSALS = {
    "sftp_only": Refusal(f"Give recovery.user an account that may run commands, {_BY_HAND}."),
    "no_tools": Refusal(f"Install python3 3.6 or later on the server, or set `python` for it, {_BY_HAND}."),
    "no_permission": Refusal(
        "Set recovery.user to root, or to the owner of the folder, who must be able to write the one above."
    ),
    "outside_folders": Refusal("Give a path beside what the fleet file names, or name the folder in recovery.folders."),
    "mount_point": Refusal(f"A mount point cannot be renamed: ask for chosen `paths`, for another path, {_BY_HAND}."),
    "mount_inside": Refusal(f"Nothing can be renamed across a mount: unmount it first, ask for another path, {_BY_HAND}."),
    "in_the_way": Refusal("Look at what stands there, and move it away, or ask for the whole folder."),
    "in_use": Refusal("Stop the programs that use it, or name a command that does in recovery.before of the fleet file."),
    "links_out": Refusal(
        "Set `links_out: true` for the set in the fleet file if they are meant, or ask for `paths` without them."
    ),
    "no_room": Refusal("Make room on the disk of the folder: copy and new folder need it beside the old one."),
    "disk_full": Refusal("Make room on the disk of the folder; the folder is as it was."),
    "damaged_copy": Refusal("Choose another backup, and verify this one again: it is not what its manifest says."),
    "bad_entry": Refusal("Choose another backup: its manifest lists what may not be restored."),
    "not_made": Refusal("The server's file system does not take it: ask for `paths` without it, or for a path on another disk."),
    "missing": Refusal("It was there before: look who removed it, and recover again."),
}


def tree_refusal(target_path: str, reason: str, cause: str) -> RestoreError:
    """Return the error for a reason."""
    known = TREE_REFUSALS.get(reason)
    if known is None:
        return sqlite_restore_refusal(target_path, reason, cause)
    return RestoreError("restore", target_path, cause, known.hint, reason=reason, retryable=known.retryable)
