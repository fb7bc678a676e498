"""From a schedule to jobs: one for every artifact of the kind that is due."""

from fleetsave.model.fleet import Fleet
from fleetsave.model.jobs import Job
from fleetsave.model.kinds import Kind
from fleetsave.model.slots import Slot
from fleetsave.queues import JobQueue


def dispatch(kind: Kind, slot: Slot, *, fleet: Fleet, queue: JobQueue) -> list[Job]:
    """Queue one job for each artifact of `kind` and return them.

    A glob is one job here; collect expands it on the server. Doing it twice for one slot changes nothing: the queue knows
    a job by its identity, and collect by the key of what is stored. Raise QueueError if a job was not taken.
    """
    jobs = [Job(artifact_id, slot) for artifact_id in fleet.artifact_ids(kind)]
    queue.send(jobs)
    return jobs
