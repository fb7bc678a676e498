"""Late slots: what is captured now cannot stand for a time long gone, so a late job is left to that of the next slot.

A server that was away for a day thus ends with one capture, not with one for each hour of that day. The newest slot is never
passed over, for its next one is not due; and where the line itself is slower than the schedule, a job that was passed over
is captured once a slot's time has gone by, late as it is, so that nothing is passed over for ever.
"""

from fleetsave.collect.outcome import Superseded
from fleetsave.collect.ports import Ports
from fleetsave.collect.state import StateFile
from fleetsave.model.errors import ObjectNotFoundError
from fleetsave.model.jobs import Job
from fleetsave.model.retention import CLOCK_TOLERANCE
from fleetsave.observability import logger


def superseded(job: Job, state: StateFile, ports: Ports) -> Superseded | None:
    """Return that a job is left to the next slot's, None if it is to be done. The server is not reached. Raise StoreError.

    A job that an earlier run has begun, that was handed on, or that somebody waits for is always done. The store's clock
    decides, and only where ours agrees.
    """
    if job.next_due_at is None or job.repair or job.hop or job.artifact_id.is_safety or ports.now() < job.next_due_at:
        return None
    theirs = ports.store.now()
    if abs(theirs - ports.now()) > CLOCK_TOLERANCE:
        logger().warning("a job seems late, but the clocks disagree", extra={"job": job.identity, "store": str(theirs)})
        return None
    if theirs < job.next_due_at:
        return None
    if _is_begun(job, state, ports):
        return None
    since = state.passed_over_since
    if since is None:
        state.save_passed_over(theirs)
    elif theirs - since >= job.next_due_at - job.slot.at:
        return None
    return Superseded(job.next_due_at)


def _is_begun(job: Job, state: StateFile, ports: Ports) -> bool:
    key = ports.fleet.backup_key(job.artifact_id, job.stored_slot)
    if key is None:
        return False
    if state.transfer is not None and state.transfer.progress.key == key.text:
        return True
    try:
        ports.store.head(key.text)
    except ObjectNotFoundError:
        return False
    return True
