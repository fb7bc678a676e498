"""Door of the API: a signed request by way of API Gateway becomes an answer in JSON."""

from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetsave.api.door import Answer, Api
from fleetsave.services import services


def handler(event: dict[str, Any], context: LambdaContext) -> Answer:
    """Answer one request; what goes wrong is an answer too (docs/api.md)."""
    return _api().answer(event, context)


@cache
def _api() -> Api:
    return Api(lambda: services().api_ports())
