"""The one logger and metrics of the functions; secrets never reach either (docs/design.md, Secrets)."""

from functools import cache

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

SERVICE = "fleetsave"


@cache
def logger() -> Logger:
    """Return the logger, which writes one JSON object a line to standard output."""
    return Logger(service=SERVICE)


def count(name: str, value: float = 1, unit: MetricUnit = MetricUnit.Count) -> None:
    """Publish one value of a metric at once, without dimensions that grow with the fleet."""
    provider = AmazonCloudWatchEMFProvider(namespace=SERVICE, service=SERVICE)
    provider.add_metric(name=name, unit=unit, value=value)
    provider.flush_metrics()
