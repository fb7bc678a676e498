"""The emulated API lets in whom the policies let in, and passes requests and replies on unharmed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from fleetsave.local.emulator import REGION
from fleetsave.local.stack import LocalStack, Profile
from tests.fixtures.signed_calls import call

ID = "server_001.000017"


@pytest.fixture(scope="module")
def stack(project: Path) -> Iterator[LocalStack]:
    with LocalStack(Profile.MINISTACK, project=project, name="mirror") as running:
        yield running


@pytest.fixture(scope="module")
def operator(stack: LocalStack) -> tuple[str, str]:
    return stack.api_credentials()


def test_a_request_arrives_as_it_was_sent(stack: LocalStack, operator: tuple[str, str]) -> None:
    query = "type=database&type=files&from=2024-01-01T12%3A00%3A00Z&name=a%20b%2Bc%26%C3%BC&empty="
    body = json.dumps({"text": 'it\'s (a) "body" 雪', "number": 1.5, "nothing": None}, ensure_ascii=False)
    seen = call("POST", f"{stack.api_url}/mirror/{ID}?{query}", operator, body.encode(), {"Idempotency-Key": "8e03978e-40d5"})
    event = seen.json()
    assert (event["httpMethod"], event["path"], event["pathParameters"]) == ("POST", f"/mirror/{ID}", {"id": ID})
    assert event["multiValueQueryStringParameters"] == {
        "type": ["database", "files"],
        "from": ["2024-01-01T12:00:00Z"],
        "name": ["a b+c&ü"],
        "empty": [""],
    }
    assert {name.lower(): value for name, value in event["headers"].items()}["idempotency-key"] == "8e03978e-40d5"
    assert (event["body"], event["isBase64Encoded"]) == (body, False)
    assert event["requestContext"]["identity"]["userArn"] == "arn:aws:iam::000000000000:user/operator"


def test_a_request_without_body_and_query_has_neither(stack: LocalStack, operator: tuple[str, str]) -> None:
    event = call("GET", f"{stack.api_url}/mirror/{ID}", operator).json()
    assert (event["body"], event["multiValueQueryStringParameters"]) == (None, None)


def test_a_path_that_is_percent_encoded_arrives_decoded(stack: LocalStack, operator: tuple[str, str]) -> None:
    event = call("GET", f"{stack.api_url}/mirror/it%27s%20%E9%9B%AA%00", operator).json()
    assert event["pathParameters"] == {"id": "it's 雪\0"}


@pytest.mark.parametrize("status", [200, 202, 400, 404, 409, 422, 429, 500, 503])
def test_a_reply_arrives_as_it_was_given(stack: LocalStack, operator: tuple[str, str], status: int) -> None:
    headers = {
        "Content-Type": ["application/problem+json"],
        "Location": [f"/v1/backup/recover/{ID}"],
        "Retry-After": ["5"],
        "Cache-Control": ["no-store"],
    }
    reply = call("POST", f"{stack.api_url}/mirror/{ID}", operator, {"status": status, "headers": headers})
    assert reply.status == status
    assert {name: reply.headers.get(name.lower()) for name in headers} == {name: values[0] for name, values in headers.items()}
    assert json.loads(reply.json()["body"])["status"] == status


def test_nobody_is_let_in_unsigned_or_with_a_wrong_secret(stack: LocalStack, operator: tuple[str, str]) -> None:
    url = f"{stack.api_url}/mirror/{ID}"
    assert call("GET", url, None).status == 403
    assert call("GET", url, (operator[0], "of-somebody-else")).status == 403
    assert call("GET", url, ("AKIAUNKNOWN", operator[1])).status == 403


def test_a_caller_may_do_what_the_policy_says_until_it_says_something_else(stack: LocalStack) -> None:
    url = f"{stack.api_url}/mirror/{ID}"

    def allowed(credentials: tuple[str, str]) -> list[int]:
        return [call(method, url, credentials, body).status for method, body in (("GET", None), ("POST", {}))]

    assert allowed(stack.api_credentials("stranger", allow=())) == [403, 403]
    reader = stack.api_credentials("reader", allow=("GET",))
    assert allowed(reader) == [200, 403]
    assert allowed(stack.api_credentials("reader", allow=("GET", "POST"))) == [200, 200]
    assert allowed(reader) == [200, 200]
    stack.api_credentials("reader", allow=())
    assert allowed(reader) == [403, 403]


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_methods_that_the_template_does_not_name_are_not_there(
    stack: LocalStack, operator: tuple[str, str], method: str
) -> None:  # fmt: skip
    assert call(method, f"{stack.api_url}/mirror/{ID}", operator).status == 403


def test_a_caller_may_do_nothing_but_call_the_api(stack: LocalStack, operator: tuple[str, str]) -> None:
    session: Any = boto3.session.Session(*operator, region_name=REGION)
    s3 = session.client("s3", endpoint_url=stack.endpoint)
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=stack.outputs["BucketName"])


def test_more_calls_than_the_template_allows_are_turned_away(stack: LocalStack, operator: tuple[str, str]) -> None:
    found = [call("POST", f"{stack.api_url}/mirror/{ID}/deeper", operator, {}).status for _ in range(6)]
    assert found[:2] == [200, 200]
    assert 429 in found


def test_a_function_that_fails_is_a_bad_gateway(stack: LocalStack, operator: tuple[str, str]) -> None:
    assert call("POST", f"{stack.api_url}/mirror/{ID}", operator, b"not json").status == 502
