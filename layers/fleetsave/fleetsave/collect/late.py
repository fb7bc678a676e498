"""Late jobs: what is captured now stands for the newest slot that is due, whichever job asked for it (docs/decisions/0069)."""

from dataclasses import replace

from fleetsave.collect.outcome import Superseded
from fleetsave.collect.ports import Ports
from fleetsave.collect.state import StateFile
from fleetsave.model.jobs import Job
from fleetsave.model.keys import RecordName
from fleetsave.model.retention import CLOCK_TOLERANCE
from fleetsave.model.slots import Slot
from fleetsave.observability import logger


def for_newest_slot(job: Job, state: StateFile, ports: Ports) -> Job | Superseded:
    """Return the job as it is if it is in time, else the one for the newest slot that is due, or that it is superseded.

    It is where that slot is stored, where it was tried in vain, and where an upload is under way: these are left to the newest
    slot's own job, for each late one would try once more, or hand itself on for ever. A safety backup stands for its recovery and
    is never late. Raise StoreError.
    """
    newest = None if job.artifact_id.is_safety else _newest_due(job, ports)
    if newest is None or newest <= job.slot:
        return job
    was_tried = state.failure is not None and state.failure.slot == newest.text
    key = ports.fleet.backup_key(job.artifact_id, newest)
    if was_tried or state.transfer is not None or (key is not None and ports.catalog.has(key, RecordName.STORED)):
        return Superseded(newest)
    return replace(job, slot=newest, repair=0)


def _newest_due(job: Job, ports: Ports) -> Slot | None:
    """Return the newest slot that is due by the store's clock; None if the job seems in time by ours, or where they disagree."""
    schedule = ports.schedules.get(job.artifact_id.kind)
    ours = schedule.newest_due(ports.now()) if schedule else None
    if schedule is None or ours is None or ours.slot <= job.slot:
        return None
    theirs = ports.store.now()
    if abs(theirs - ports.now()) > CLOCK_TOLERANCE:
        logger().warning("a job seems late, but the clocks disagree", extra={"job": job.identity, "store": str(theirs)})
        return None
    due = schedule.newest_due(theirs)
    return due.slot if due else None
