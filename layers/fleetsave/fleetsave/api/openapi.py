"""The OpenAPI 3.1 document: made by Powertools from the routes and their models, and then told precisely."""

import json
from collections.abc import Iterator
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver

import fleetsave
from fleetsave.api.example_answers import ANSWERS
from fleetsave.api.examples import PARAMETERS, REQUESTS

_DESCRIPTION = """\
Restores backups, and tells what there is to restore. Every request is signed with AWS Signature Version 4 for the service
`execute-api`, by a caller whom IAM allows `execute-api:Invoke` on it. What goes wrong is a problem of RFC 9457
(`application/problem+json`) whose `type` is stable; docs/api.md explains each."""

_SIGNATURE = {
    "type": "apiKey",
    "name": "Authorization",
    "in": "header",
    "description": "AWS Signature Version 4, service execute-api",
    "x-amazon-apigateway-authtype": "awsSigv4",
}
_UNUSED = ("HTTPValidationError", "ValidationError", "ResponseValidationError")

Document = dict[str, Any]


def document(resolver: APIGatewayRestResolver) -> Document:
    """Return the document of a resolver's routes, as JSON-ready values."""
    made: Document = json.loads(
        resolver.get_openapi_json_schema(title="fleetsave", version=fleetsave.__version__, description=_DESCRIPTION)
    )
    made["openapi"] = "3.1.0"
    made["servers"] = [{"url": "/"}]
    components = made["components"]
    for name in _UNUSED:
        components["schemas"].pop(name, None)
    components["securitySchemes"] = {"sigv4": _SIGNATURE}
    made["security"] = [{"sigv4": []}]
    for operation in _operations(made):
        _make_precise(operation)
        _add_examples(operation)
    return made


def _operations(made: Document) -> Iterator[dict[str, Any]]:
    for path in made["paths"].values():
        yield from path.values()


def _make_precise(operation: dict[str, Any]) -> None:
    """Say what Powertools leaves open: parameters are never null, and the header is written as people write it."""
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        kinds = [kind for kind in schema.pop("anyOf", ()) if kind.get("type") != "null"]
        schema |= kinds[0] if kinds else {}
        schema.pop("description", None)
        if parameter["in"] == "header":
            parameter["name"] = parameter["name"].title()
        if parameter["name"] in PARAMETERS:
            parameter["example"] = PARAMETERS[parameter["name"]]
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _add_examples(operation: dict[str, Any]) -> None:
    name = operation["operationId"]
    if name in REQUESTS:
        operation["requestBody"]["content"]["application/json"]["examples"] = REQUESTS[name]
    for (of, status), example in ANSWERS.items():
        if of == name:
            for content in operation["responses"][status]["content"].values():
                content["example"] = example
