"""Waiting while a recovery of a job's server is under way (docs/decisions/0030)."""

from fleetsave.collect.ports import Ports
from fleetsave.model.errors import CatalogError
from fleetsave.model.jobs import Job
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.observability import logger

LOOK_EVERY_SECONDS = 5.0
"""A recovery takes minutes, and each look costs a LIST."""


_MOST_LOOKS = 24
"""After two minutes the job goes to the end of its line: functions that wait must not be all that may run, for a recovery waits
for one that takes its safety backup."""


def wait_for_recovery(job: Job, ports: Ports) -> RecoveryId | None:
    """Wait until no recovery of the job's server stands in the way; return the one that still does when that takes long.

    The backup that a recovery itself asks for never waits. A stalled recovery, and one whose records cannot be read, holds up
    nothing: a capture is consistent whatever goes on, and its absence would be worse. Raise StoreError.
    """
    if job.artifact_id.is_safety:
        return None
    for _ in range(_MOST_LOOKS):
        in_the_way = _find(job, ports)
        if in_the_way is None or ports.is_near_deadline():
            return in_the_way
        ports.pause(LOOK_EVERY_SECONDS)
    return _find(job, ports)


def _find(job: Job, ports: Ports) -> RecoveryId | None:
    server_id = job.artifact_id.server_id
    try:
        listed = next((one for one in ports.recoveries.listed(server_id) if not one.is_finished), None)
        if listed is None:
            return None
        is_stalled = ports.recoveries.read(listed).is_stalled(ports.now(), ports.recoveries.progress(server_id))
    except CatalogError as error:
        logger().warning("not waiting for a recovery that cannot be read", extra={"job": job.identity, **error.as_dict()})
        return None
    if is_stalled:
        logger().warning("not waiting for a stalled recovery", extra={"job": job.identity, "recovery": str(listed.id)})
        return None
    return listed.id
