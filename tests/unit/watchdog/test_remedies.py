"""Each remedy is taken once, and one that fails keeps no other from being taken."""

from fleetsave.model.errors import QueueError
from fleetsave.model.jobs import Job
from fleetsave.model.slots import Slot
from fleetsave.watchdog.remedies import NOTHING_DONE, REQUEUED, SWEPT, Remedies, take
from tests.fakes.job_queue import RecordingQueue
from tests.unit.watchdog.world import ALPHA, BETA, TOP, World, slot_of


def test_what_two_parts_of_a_look_ask_for_is_done_once() -> None:
    world, job = World(), Job(ALPHA, Slot(TOP))
    remedies, other = Remedies({job: REQUEUED}, {slot_of(0)}), Remedies({job: REQUEUED}, {slot_of(0), slot_of(1)})
    remedies.merge(other)
    taken = take(remedies, world.ports())
    assert world.jobs.jobs == [job]
    assert world.verdicts.keys == [slot_of(1), slot_of(0)]
    assert taken.did == {**NOTHING_DONE, REQUEUED: 1, "verifications_requeued": 2}


def test_what_is_read_by_force_is_not_asked_for_a_second_time() -> None:
    world = World()
    taken = take(Remedies(verifications={slot_of(0)}, rejections={slot_of(0)}, rereads={slot_of(0), slot_of(1)}), world.ports())
    assert (world.verdicts.keys, world.verdicts.forced) == ([], [slot_of(1), slot_of(0)])
    assert taken.did == {**NOTHING_DONE, "verifications_forced": 1, "backups_reread": 1}


class Broken(RecordingQueue):
    """Takes nothing."""

    def send(self, jobs: object) -> None:  # noqa: ARG002 - the port's argument
        raise QueueError("send jobs", "queue", "down", "Wait.", retryable=True)


def test_a_queue_that_fails_keeps_nothing_else_from_being_done() -> None:
    world = World(jobs=Broken())
    remedies = Remedies({Job(ALPHA, Slot(TOP)): REQUEUED, Job(BETA, Slot(TOP), sweep=True): SWEPT}, {slot_of(0)})
    taken = take(remedies, world.ports())
    assert taken.did == {**NOTHING_DONE, "verifications_requeued": 1}
    assert [part for part, _ in taken.failures] == ["collect queue"]
