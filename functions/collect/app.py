"""Door of collect: a job on the collect queue becomes a stored backup, or goes back on the queue to be continued."""

from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetsave.catalog.fleet_file import read_fleet
from fleetsave.collect.room import collect
from fleetsave.model.errors import FleetsaveError
from fleetsave.model.jobs import Job
from fleetsave.observability import count, logger
from fleetsave.services import Services, services


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Report the messages whose job should be tried again.

    What no retry can mend is remembered in the artifact's state and counted, and its message is done with: the next slot
    tries afresh, while one that came again and again would hold up its server's other jobs.
    """
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(
        event=event, record_handler=partial(_collect, context), processor=processor, context=context
    )  # fmt: skip


def _collect(context: LambdaContext, record: SQSRecord) -> None:
    given = services()
    try:
        job = Job.from_json(record.body)
        fleet = read_fleet(given.store)
    except FleetsaveError as error:
        _report(error)
        raise
    ports = given.collect_ports(fleet, lambda: context.get_remaining_time_in_millis() / 1000)
    try:
        outcome = collect(job, ports)
    except FleetsaveError as error:
        _report(error)
        if error.retryable:
            _postpone(given, record)
            raise
        return
    logger().info("collected", extra={"job": job.identity, "outcome": type(outcome).__name__})


def _postpone(given: Services, record: SQSRecord) -> None:
    given.queue.postpone(record.receipt_handle, int(record.attributes.approximate_receive_count))


def _report(error: FleetsaveError) -> None:
    logger().error(str(error), extra=error.as_dict())
    count("CollectFailed")
