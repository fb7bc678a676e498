"""The paths: what each takes, and where a client finds a recovery, whatever stands before the API's own paths."""

import base64
import json
from collections.abc import Callable
from urllib.parse import urljoin

import pytest

from fleetsave.api.routes import RECOVER, location_of
from tests.functions.context import context
from tests.unit.api.world import FIRST, NEWEST, World, reply_of, rest_event


@pytest.mark.parametrize(
    "base",
    [
        "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/v1",
        "https://backups.example.com",
        "https://example.com/ops/backups",
        "http://127.0.0.1:4566/_aws/execute-api/a1b2c3d4e5/v1",
    ],
)
@pytest.mark.parametrize("suffix", ["", "/", "/server_001.000009/undo", "/server_001.000009/cancel", "/server_001.000001/cancel"])
def test_the_location_leads_there_from_the_address_that_was_asked(base: str, suffix: str) -> None:
    asked = f"{base}{RECOVER}{suffix}"
    assert urljoin(asked, location_of(FIRST, f"{RECOVER}{suffix}")) == f"{base}{RECOVER}/{FIRST}"


def test_a_custom_domains_base_path_that_reaches_the_function_changes_nothing() -> None:
    location = location_of(FIRST, f"/ops{RECOVER}")
    assert urljoin(f"https://example.com/ops{RECOVER}", location) == f"https://example.com/ops{RECOVER}/{FIRST}"


def test_a_caller_whom_the_gateway_does_not_name_is_unknown(world: World) -> None:
    given = rest_event("POST", RECOVER, json.dumps(NEWEST))
    given["requestContext"]["identity"]["userArn"] = None
    assert reply_of(world.api.answer(given, context())).document["requested_by"] == "unknown"


@pytest.mark.parametrize(("encoding", "status"), [(base64.b64encode, 202), (lambda text: b"/" + text, 400)])
def test_a_body_that_the_gateway_encoded_is_read(world: World, encoding: Callable[[bytes], bytes], status: int) -> None:
    given = rest_event("POST", RECOVER, encoding(json.dumps(NEWEST).encode()).decode())
    given["isBase64Encoded"] = True
    assert world.api.answer(given, context())["statusCode"] == status


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json; charset=utf-8", 202),
        ("Application/JSON", 202),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("text/plain", 415),
        ("application/jsonp", 415),
    ],
)
def test_a_body_is_json_and_says_so(world: World, content_type: str, status: int) -> None:
    assert world.ask("POST", RECOVER, NEWEST, headers={"Content-Type": content_type}).status == status


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", RECOVER, "GET, POST"),
        ("PUT", f"{RECOVER}/{FIRST}", "GET"),
        ("GET", f"{RECOVER}/{FIRST}/undo", "POST"),
        ("HEAD", "/status", "GET"),
        ("OPTIONS", "/backups", "GET"),
    ],
)
def test_a_method_that_a_path_does_not_take_is_named_so(world: World, method: str, path: str, allowed: str) -> None:
    reply = world.ask(method, path)
    assert (reply.status, reply.reason, reply.headers["allow"]) == (405, "method_not_allowed", allowed)


@pytest.mark.parametrize("path", ["/", "/backup", "/backup/restore", "/backups/x", "/openapi.yaml", "/../status", "/v1/status"])
def test_a_path_that_is_none_is_not_found(world: World, path: str) -> None:
    assert (world.ask("GET", path).status, world.ask("GET", path).reason) == (404, "not_found")
