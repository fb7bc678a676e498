"""What a plan says to a person of folders: the steps, and what to mind."""

from collections.abc import Iterator

from fleetsave.model.history import Backup, State
from fleetsave.model.recovery_records import Selection
from fleetsave.planning.archive_plan import EVERYTHING
from fleetsave.planning.newest import Newest
from fleetsave.planning.target import Target


def steps(selection: Selection, size: int, target: Target) -> Iterator[str]:
    """Yield what will be done, in order; `size` is what is sent."""
    what = "the folder" if selection.is_whole else "the files of the backup"
    yield f"look at {target.path} on {target.server_id}: room, permissions, who has files in it open"
    if target.artifact_id is not None:
        yield f"back up what is there now as {target.artifact_id.safety}, and wait until that is verified"
    yield f"upload {size} bytes beside it: {selection.entries} files, links and folders, and the list of what each must be"
    yield "unpack them beside it; check every file's SHA-256, mode, owner and times against that list, as it is on the disk"
    if target.artifact_id is None:
        yield "rename the new folder into place, never over anything"
        return
    if target.before is not None:
        yield f"stop: {target.before}"
    yield f"rename what is there out of the way, where it is kept, and {what} into place"
    if target.after is not None:
        yield f"start: {target.after}"
    yield "check it where it lives; rename everything back by itself if anything is wrong"


def warnings(backup: Backup, selection: Selection, target: Target, newest: Newest | None) -> Iterator[str]:
    """Yield what a person should know before agreeing."""
    if backup.state is not State.VERIFIED:
        yield f"the backup is {backup.state}, not verified: it was asked for all the same"
    if selection.paths == [EVERYTHING]:
        yield "the backup leaves out a part of the folder: that, and files that are newer than it, stay where they are"
    if selection.links_out:
        yield "links that lead out of the folder are made as they are: the fleet file says links_out"
    if target.artifact_id is None:
        return
    if target.before is None:
        yield "no stop command is configured: a program that has files of the folder open goes on writing into the old ones"
    if newest is not None and newest.key.slot > backup.key.slot and newest.key.artifact_id == backup.key.artifact_id:
        yield f"there is a newer verified backup: {newest.key}"
