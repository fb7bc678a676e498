"""The one logger and metrics of the functions; secrets never reach either (docs/design.md, Secrets)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from fleetsave.model.errors import FleetsaveError

SERVICE = "fleetsave"


@cache
def logger() -> Logger:
    """Return the logger, which writes one JSON object a line to standard output."""
    return Logger(service=SERVICE)


def count(name: str, value: float = 1) -> None:
    """Publish one value of a metric at once, without dimensions that grow with the fleet."""
    publish({name: value})


def publish(values: Mapping[str, float]) -> None:
    """Publish up to 100 metrics in one line, as `count` does one."""
    provider = AmazonCloudWatchEMFProvider(namespace=SERVICE, service=SERVICE)
    for name, value in values.items():
        provider.add_metric(name=name, unit=MetricUnit.Count, value=value)
    provider.flush_metrics()


@contextmanager
def failures_logged(message_id: str, metric: str | None = None) -> Iterator[None]:
    """Log what a message's work raises, count it under `metric`, and let it through: the batch processor itself is silent.

    What is no FleetsaveError is a defect, and is logged with its stack.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, FleetsaveError):
            logger().error(str(error), extra={**error.as_dict(), "message_id": message_id})
        else:
            logger().exception("unexpected failure: report it with this stack", extra={"message_id": message_id})
        if metric:
            count(metric)
        raise
