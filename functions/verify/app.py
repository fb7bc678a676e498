"""Door of verify: an object that was created, or a person's wish, becomes a verdict on one backup."""

from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetsave.model.records import Outcome as Found
from fleetsave.observability import failures_logged, logger
from fleetsave.services import Services, services
from fleetsave.verify.event import parse_event
from fleetsave.verify.outcome import AlreadyJudged, Judged, Outcome
from fleetsave.verify.ports import Ports
from fleetsave.verify.room import verify


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Report the messages that failed: the queue delivers them again and at last keeps them for a person.

    A rejected backup is no failure: it has its record, its metric and its job.
    """
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(
        event=event, record_handler=partial(_verify, context), processor=processor, context=context
    )  # fmt: skip


def _verify(context: LambdaContext, record: SQSRecord) -> None:
    with failures_logged(record.message_id):
        given = services()
        request = parse_event(record.body, given.settings.bucket)
        if request is None:
            logger().info("nothing to judge", extra={"outcome": "what stands beside a backup is judged with it"})
            return
        outcome = verify(request.key, _ports(given, context), force=request.force)
    logger().info("judged" if isinstance(outcome, Judged) else "nothing to judge", extra=_summary(outcome))


def _summary(outcome: Outcome) -> dict[str, object]:
    summary: dict[str, object] = {"key": outcome.key.text, "outcome": type(outcome).__name__}
    if isinstance(outcome, Judged | AlreadyJudged):
        summary |= {"verdict": outcome.verdict, "repair": outcome.repair and outcome.repair.identity}
    if isinstance(outcome, Judged):
        summary["against"] = [str(finding) for finding in outcome.record.findings if finding.outcome is not Found.PASSED]
    return summary


def _ports(given: Services, context: LambdaContext) -> Ports:
    return Ports(
        store=given.store,
        catalog=given.catalog,
        queue=given.queue,
        scratch=given.scratch,
        now=given.now,
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000 - given.settings.reserve_seconds,
        programs=given.programs,
    )
