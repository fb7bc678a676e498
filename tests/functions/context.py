"""What a door is called with, beside its event."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from aws_lambda_powertools.utilities.typing import LambdaContext

EVENTS = Path(__file__).parents[2] / "events"


@dataclass
class Context:
    """A Lambda context with all the time in the world, unless told otherwise."""

    milliseconds: int = 900_000
    function_name: str = "fleetsave-test"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:fleetsave-test"
    aws_request_id: str = "52fdfc07-2182-154f-163f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def context(milliseconds: int = 900_000) -> LambdaContext:
    return cast("LambdaContext", Context(milliseconds))


def event(function: str, case: str) -> dict[str, Any]:
    """Return an event of `events/`."""
    content: dict[str, Any] = json.loads((EVENTS / function / f"{case}.json").read_text())
    return content
