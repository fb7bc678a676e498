"""Door of prune: the daily message on the prune queue makes old backups go, the newest verified ones never."""

from datetime import timedelta
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetsave.catalog.fleet_file import read_fleet
from fleetsave.observability import count, failures_logged, logger
from fleetsave.prune.event import parse_event
from fleetsave.prune.room import prune
from fleetsave.services import services

_RESERVE_MILLISECONDS = 30_000


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Report the messages that failed, so that the queue delivers them again and at last keeps them for a person."""
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(
        event=event, record_handler=partial(_prune, context), processor=processor, context=context
    )  # fmt: skip


def _prune(context: LambdaContext, record: SQSRecord) -> None:
    with failures_logged(record.message_id, "PruneFailed"):
        given = services()
        request = parse_event(record.body)
        report = prune(
            store=given.store,
            catalog=given.catalog,
            fleet=read_fleet(given.store),
            default_keep_for=timedelta(days=given.settings.retention_days),
            now=given.now(),
            execute=request.execute,
            as_of=request.as_of,
            should_stop=lambda: context.get_remaining_time_in_millis() < _RESERVE_MILLISECONDS,
            keeps=lambda _: False,  # the counts are enough, and the lines of a fleet do not fit
        )
        if request.execute:
            count("BackupsPruned", report.deleted)
            count("PruneRefused", len(report.refused_artifacts))
            count("PruneRetained", report.retained)
        logger().info("pruned" if request.execute else "pruned nothing: dry run", extra={"report": report.summary()})
        report.require_complete()
