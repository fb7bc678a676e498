"""Schemathesis against the OpenAPI document as it is served: whatever is asked, the answer is one that it tells of."""

from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from fleetsave.api.requests import MISSION_BODY, RecoveryBody
from fleetsave.api.room import Asked, begin_recovery
from fleetsave.model.recovery_records import RecoveryState
from tests.integration.api.wsgi import Gateway
from tests.unit.api.world import World

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    negative_data_rejection,
    missing_required_header,
    unsupported_method,
    allow_header_conformance,
]


def worlds() -> Iterator[World]:
    """Yield worlds without a recovery, with one under way, with one that may be undone, and with one that failed."""
    for number in cycle(range(4)):
        world = World()
        if number:
            recovery_id = str(begin_recovery(MISSION, Asked("somebody"), world.api_ports()).recovery.id)
            if number == 2:
                world.finish(recovery_id)
            elif number == 3:
                world.step(recovery_id, RecoveryState.FAILED)
        yield world


MISSION = RecoveryBody.model_validate(MISSION_BODY)
GATEWAY = Gateway(worlds().__next__)


schema = schemathesis.openapi.from_wsgi("/openapi.json", GATEWAY)
schema.config.generation.update(modes=list(GenerationMode))
del schema.raw_schema["security"]  # signatures are API Gateway's to check, and nothing unsigned reaches the function


@schema.parametrize()
@settings(max_examples=35, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_document_tells_of(case: Case[Any]) -> None:
    case.call_and_validate(checks=CHECKS)


@pytest.fixture(scope="module", autouse=True)
def every_kind_of_answer() -> Iterator[None]:
    """Fail a whole run that met only refusals, or never one."""
    yield
    if len(GATEWAY.answered) > 500:
        assert {200, 202, 400, 404, 405, 409, 415, 422} <= set(GATEWAY.answered)
