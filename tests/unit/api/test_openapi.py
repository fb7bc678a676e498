"""The OpenAPI document: committed as it is served, and true to the last example."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fleetsave.api.example_answers import ANSWERS
from fleetsave.api.examples import PARAMETERS, REQUESTS
from fleetsave.api.openapi import document
from tests.unit.api.scenarios import SCENARIOS
from tests.unit.api.world import FIRST, MISSION, RECOVER, World

COMMITTED = Path(__file__).parents[3] / "docs" / "openapi.json"
PROSE = frozenset({"steps", "warnings", "detail", "cause", "hint"})
STATUS = {"dry_run": 200}
METHODS = {"get", "post"}


@pytest.fixture(scope="module")
def served() -> dict[str, Any]:
    found: dict[str, Any] = World().ask("GET", "/openapi.json").document
    return found


def operations(made: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def require_valid(made: dict[str, Any], schema: dict[str, Any], value: object) -> None:
    Draft202012Validator({**schema, "components": made["components"]}).validate(value)


def without_prose(value: Any) -> Any:
    """Return a value without its sentences, which may be said better without an example growing false."""
    if isinstance(value, dict):
        return {name: "..." if name in PROSE else without_prose(one) for name, one in value.items()}
    return [without_prose(one) for one in value] if isinstance(value, list) else value


def test_the_committed_document_is_the_one_that_is_served(served: dict[str, Any]) -> None:
    assert json.loads(COMMITTED.read_text()) == served, "write it anew: python -m fleetsave.api > docs/openapi.json"


def test_it_is_made_from_the_routes_and_models(served: dict[str, Any]) -> None:
    assert document(World().api.resolver) == served
    assert served["openapi"] == "3.1.0"
    assert {(path, method) for path, method, _ in operations(served)} == {
        ("/backup/recover", "post"),
        ("/backup/recover", "get"),
        ("/backup/recover/{recovery_id}", "get"),
        ("/backup/recover/{recovery_id}/cancel", "post"),
        ("/backup/recover/{recovery_id}/undo", "post"),
        ("/backups", "get"),
        ("/status", "get"),
    }


def test_every_operation_is_described_signed_and_says_how_it_fails(served: dict[str, Any]) -> None:
    assert served["security"] == [{"sigv4": []}]
    assert served["components"]["securitySchemes"]["sigv4"]["x-amazon-apigateway-authtype"] == "awsSigv4"
    for _, method, operation in operations(served):
        assert method in METHODS
        assert all(operation[name] for name in ("summary", "description", "operationId", "tags"))
        assert {"422", "500", "503", "403"} <= set(operation["responses"])
        for status, answer in operation["responses"].items():
            wanted = "application/json" if status[0] == "2" or status in {"403", "429"} else "application/problem+json"
            assert list(answer["content"]) == [wanted]


def test_no_schema_is_missing_or_without_use(served: dict[str, Any]) -> None:
    text = json.dumps(served)
    for name in served["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text
    for _, _, operation in operations(served):
        for answer in operation["responses"].values():
            for content in answer["content"].values():
                Draft202012Validator.check_schema({**content["schema"], "components": served["components"]})


@pytest.mark.parametrize(("name", "example"), REQUESTS["recover"].items())
def test_every_example_of_a_request_is_granted(served: dict[str, Any], name: str, example: dict[str, Any]) -> None:
    content = served["paths"][RECOVER]["post"]["requestBody"]["content"]["application/json"]
    assert content["examples"][name] == example
    require_valid(served, content["schema"], example["value"])
    world = World()
    world.add_central()
    assert world.ask("POST", RECOVER, example["value"]).status == STATUS.get(name, 202)


def test_the_missions_body_is_an_example_word_for_word() -> None:
    assert REQUESTS["recover"]["named"]["value"] == MISSION


def test_every_example_of_an_answer_has_its_scenario() -> None:
    assert set(ANSWERS) == set(SCENARIOS)


@pytest.mark.parametrize(("operation_id", "status"), SCENARIOS)
def test_every_example_of_an_answer_is_what_is_answered(served: dict[str, Any], operation_id: str, status: str) -> None:
    reply = SCENARIOS[operation_id, status](World())
    assert reply.status == int(status)
    example = ANSWERS[operation_id, status]
    assert without_prose(reply.document) == without_prose(example), "write it anew: python -m tests.unit.api.scenarios"
    answer = next(one for _, _, one in operations(served) if one["operationId"] == operation_id)["responses"][status]
    content = answer["content"][reply.headers["content-type"]]
    assert content["example"] == example
    require_valid(served, content["schema"], example)


def test_every_parameter_has_an_example_that_is_taken(served: dict[str, Any]) -> None:
    for path, method, operation in operations(served):
        world = World()
        world.begin()
        world.finish(FIRST)
        given = {one["name"]: (one["in"], PARAMETERS.get(one["name"])) for one in operation.get("parameters", ())}
        assert {name for name, (_, example) in given.items() if example is None} <= {"cursor"}
        query = {name: example for name, (place, example) in given.items() if place == "query" and example}
        headers = {name: example for name, (place, example) in given.items() if place == "header" and example}
        body = MISSION if (path, method) == (RECOVER, "post") else None
        reply = world.ask(method.upper(), path.format(recovery_id=FIRST), body, query=query, headers=headers)
        assert reply.status == (409 if path.endswith("cancel") else 202 if method == "post" else 200), reply
