"""Door of recover: a message on the recover queue takes one recovery as far as the time allows."""

from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetsave.catalog.fleet_file import read_fleet
from fleetsave.model.errors import FleetsaveError, InvalidInputError
from fleetsave.model.recovery_jobs import RecoveryJob
from fleetsave.model.recovery_records import Survey
from fleetsave.observability import failures_logged, logger
from fleetsave.recover.look import look
from fleetsave.recover.room import recover
from fleetsave.services import Services, services
from fleetsave.surveyor import answer, read_request

_FAILED = "RecoverFailed"


_LOOK_SECONDS = 16.0
"""How long a look for a dry run may take: whoever asked waits for it."""


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse | dict[str, Any]:
    """Report the messages whose recovery should be worked on again; called by the API for a dry run, answer with a survey.

    What is wrong with a recovery stands in its records, and ends it. What comes out here is trouble of the store, the queues or
    the way to the server, which may pass: the message comes again after a while, and the recovery goes on from its records. A
    message that is itself wrong comes back at once, so that it is soon in the dead-letter queue.
    """
    if "survey" in event:
        return _look(event, context)
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(
        event=event, record_handler=partial(_recover, context), processor=processor, context=context
    )  # fmt: skip


def _look(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Look at what a request would replace; what stands in the way is an answer too."""
    given = services()
    ends_at = context.get_remaining_time_in_millis() / 1000 - _LOOK_SECONDS

    def seconds_left() -> float:
        return context.get_remaining_time_in_millis() / 1000 - ends_at + given.settings.reserve_seconds

    try:
        with failures_logged(context.aws_request_id):
            found: Survey | FleetsaveError = look(read_request(event), given.recover_ports(read_fleet(given.store), seconds_left))
    except FleetsaveError as error:
        found = error
    return answer(found)


def _recover(context: LambdaContext, record: SQSRecord) -> None:
    with failures_logged(record.message_id, _FAILED):
        given = services()
    try:
        with failures_logged(record.message_id, _FAILED):
            job = RecoveryJob.from_json(record.body)
            ports = given.recover_ports(read_fleet(given.store), lambda: context.get_remaining_time_in_millis() / 1000)
            outcome = recover(job, ports)
    except FleetsaveError as error:
        _send_back(given, record, error)
        raise
    logger().info("worked on a recovery", extra={"job": job.identity, "outcome": type(outcome).__name__})


def _send_back(given: Services, record: SQSRecord, error: FleetsaveError) -> None:
    """Choose when the message is delivered again."""
    with failures_logged(record.message_id):
        if isinstance(error, InvalidInputError):
            given.recovery_queue.return_at_once(record.receipt_handle)
        else:
            given.recovery_queue.postpone(record.receipt_handle, int(record.attributes.approximate_receive_count))
