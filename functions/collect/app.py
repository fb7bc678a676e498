"""Door of collect: a job on the collect queue becomes a stored backup, or goes back on the queue to be continued."""

from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetsave.catalog.fleet_file import read_fleet
from fleetsave.collect.outcome import HeldOff, Superseded, Swept
from fleetsave.collect.room import collect
from fleetsave.model.errors import ConfigurationError, FleetsaveError, InvalidInputError, StoreError
from fleetsave.model.jobs import Job
from fleetsave.observability import failures_logged, logger
from fleetsave.services import Services, services

_FAILED = "CollectFailed"
_TOLD = {Superseded: "superseded by a newer slot", Swept: "swept the server", HeldOff: "waits for a recovery"}


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Report the messages whose job should be tried again.

    What no retry can mend is remembered in the artifact's state and counted, and its message is done with: the next slot
    tries afresh, while one that came again and again would hold up its server's other jobs. A message that is itself wrong
    comes back at once, so that it is soon in the dead-letter queue; and when the store fails there may be no memory, so
    the message is kept.
    """
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(
        event=event, record_handler=partial(_collect, context), processor=processor, context=context
    )  # fmt: skip


def _collect(context: LambdaContext, record: SQSRecord) -> None:
    with failures_logged(record.message_id, _FAILED):
        given = services()
    try:
        with failures_logged(record.message_id, _FAILED):
            job = Job.from_json(record.body)
            ports = given.collect_ports(read_fleet(given.store), lambda: context.get_remaining_time_in_millis() / 1000)
    except FleetsaveError as error:
        _send_back(given, record, error)
        raise
    try:
        with failures_logged(record.message_id, _FAILED):
            outcome = collect(job, ports)
    except FleetsaveError as error:
        if not (error.retryable or isinstance(error, InvalidInputError | StoreError)):
            return
        _send_back(given, record, error)
        raise
    logger().info(_TOLD.get(type(outcome), "collected"), extra={"job": job.identity, "outcome": type(outcome).__name__})


def _send_back(given: Services, record: SQSRecord, error: FleetsaveError) -> None:
    """Choose when the message is delivered again; a wrong fleet file waits the queue's whole timeout for a person."""
    with failures_logged(record.message_id):
        if isinstance(error, InvalidInputError):
            given.queue.return_at_once(record.receipt_handle)
        elif error.retryable or not isinstance(error, ConfigurationError):
            given.queue.postpone(record.receipt_handle, int(record.attributes.approximate_receive_count))
