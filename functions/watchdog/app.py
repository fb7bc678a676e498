"""Door of the watchdog, still closed: its message fails, and the queue keeps it for a person."""

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetsave.model.errors import ConfigurationError
from fleetsave.observability import failures_logged
from fleetsave.watchdog.event import parse_event


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Report every message as failed."""
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=_watch, processor=processor, context=context)


def _watch(record: SQSRecord) -> None:
    with failures_logged(record.message_id):
        parse_event(record.body)
        raise ConfigurationError("watch", "the fleet", "the watchdog's room is not there yet", "Deploy a version that has it.")
