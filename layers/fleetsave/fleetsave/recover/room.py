"""From a granted request to a proven recovery, one step at a time, each with its record.

The records are the only memory: killed between any two, the next run reads them and goes on. Up to the record `swapping`
nothing of the target has been touched, and whatever goes wrong ends the recovery there; after it, whatever goes wrong rolls
back by itself.
"""

from fleetsave.model.errors import (
    CaptureError,
    ConfigurationError,
    FleetsaveError,
    InvalidInputError,
    ObjectNotFoundError,
    RecoveryRefusedError,
    RestoreError,
    TransportError,
    VerificationError,
)
from fleetsave.model.recoveries import FINAL, Recovery
from fleetsave.model.recovery_jobs import Cause, RecoveryJob
from fleetsave.model.recovery_records import RecoveryState
from fleetsave.recover import endings, steps
from fleetsave.recover.outcome import Finished, HandedOn, Outcome
from fleetsave.recover.ports import Ports
from fleetsave.recover.run import CancelledError, NearDeadlineError, Run

_ITS_OWN = (
    CaptureError,
    ConfigurationError,
    InvalidInputError,
    ObjectNotFoundError,
    RecoveryRefusedError,
    RestoreError,
    TransportError,
    VerificationError,
)
"""What says something of this recovery, and ends it; anything else is trouble of the store or the queues, and passes."""


def recover(job: RecoveryJob, ports: Ports) -> Outcome:
    """Work on a recovery until it ends or the deadline is near. Doing it again is harmless.

    Raise StoreError, QueueError or CatalogError with everything as its records say; the same job goes on from there. After the
    swap has begun, TransportError and RestoreError too, where they may pass: only what cannot pass is rolled back.
    """
    run = Run(ports.recoveries.load(job.recovery_id), ports)
    try:
        if not run.recovery.is_finished:
            _go_on(run)
        endings.clean_up(run)
    except NearDeadlineError:
        following = RecoveryJob(job.recovery_id, Cause.CONTINUED, job.hop + 1)
        ports.recovery_queue.send(following)
        return HandedOn(following, run.recovery.reached)
    finally:
        run.close()
    return Finished(run.id, _final(run.recovery))


def _go_on(run: Run) -> None:
    while not run.recovery.is_finished:
        try:
            run.look_up()
            if run.recovery.has(RecoveryState.ROLLING_BACK):
                endings.roll_back(run)
            else:
                steps.next_step(run.recovery)(run)
        except CancelledError:
            endings.cancel(run)
        except FleetsaveError as error:
            if not isinstance(error, _ITS_OWN):
                raise
            _fail(run, error)


def _fail(run: Run, error: FleetsaveError) -> None:
    """End what has not begun to swap; after that roll back what cannot pass, and let the queue try again what may."""
    if not run.recovery.has(RecoveryState.SWAPPING):
        endings.fail(run, error)
    elif error.retryable:
        raise error
    elif run.recovery.has(RecoveryState.ROLLING_BACK):
        endings.give_up(run, error)
    else:
        endings.begin_roll_back(run, error)


def _final(recovery: Recovery) -> RecoveryState:
    return next(record.state for record in recovery.records if record.state in FINAL)
