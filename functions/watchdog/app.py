"""Door of the watchdog: its schedule's message makes it look at the whole fleet, mend what it can, and tell of the rest."""

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetsave.model.watch import WatchReport
from fleetsave.notices.room import tell
from fleetsave.observability import failures_logged, logger, publish
from fleetsave.services import Services, services
from fleetsave.watchdog.event import parse_event
from fleetsave.watchdog.metrics import metrics_of
from fleetsave.watchdog.room import watch


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Report the messages that failed, so that the queue delivers them again and at last keeps them for a person."""
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=_watch, processor=processor, context=context)


def _watch(record: SQSRecord) -> None:
    with failures_logged(record.message_id, "WatchdogFailed"):
        given = services()
        mend = parse_event(record.body)
        report = watch(given.watchdog_ports(), mend=mend)
        metrics = metrics_of(report)
        for problem in report.problems:
            logger().warning(problem.what, extra={"problem": problem.identity, "command": problem.command})
        logger().info("looked" if mend else "looked, mended nothing: dry run", extra={"metrics": metrics})
        if mend:
            publish(metrics)  # before anything else can fail: their absence is an alarm
            _tell(report, given)


def _tell(report: WatchReport, given: Services) -> None:
    told = tell(report, given.notice_ports(), report.looked_at)
    for failure in told.failures:
        logger().error(str(failure), extra=failure.as_dict())
    publish({"NoticesFailed": len(told.failures)})
    logger().info("told", extra={"notices": told.decided, "sent": told.sent, "waiting": told.waiting, "pinged": told.pinged})
