"""Door of dispatch: a schedule's message on the dispatch queue becomes one job for each artifact that is due."""

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetsave.catalog.fleet_file import read_fleet
from fleetsave.dispatch.event import parse_event
from fleetsave.dispatch.room import dispatch
from fleetsave.observability import failures_logged, logger
from fleetsave.services import services


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Report the messages that failed, so that the queue delivers them again and at last keeps them for a person."""
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=_dispatch, processor=processor, context=context)


def _dispatch(record: SQSRecord) -> None:
    with failures_logged(record.message_id):
        given = services()
        kind, slot = parse_event(record.body, given.now())
        jobs = dispatch(kind, slot, fleet=read_fleet(given.store), queue=given.queue)
    logger().info("dispatched", extra={"kind": kind, "slot": slot.text, "jobs": len(jobs)})
