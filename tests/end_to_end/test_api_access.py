"""On the deployed stack, in both profiles: the API lets in whom IAM lets in, to its routes, and nobody else."""

import pytest

from fleetsave.local.stack import LocalStack
from tests.end_to_end.deployment import Deployment
from tests.fixtures.signed_calls import Reply, call

Credentials = tuple[str, str]
NOBODYS = "server_999.000001"


@pytest.fixture(scope="module")
def stack(deployment: Deployment) -> LocalStack:
    return deployment.stack


@pytest.fixture(scope="module")
def operator(stack: LocalStack) -> Credentials:
    return stack.api_credentials()


def is_problem(reply: Reply) -> bool:
    return reply.headers["content-type"] == "application/problem+json" and reply.json()["status"] == reply.status


@pytest.mark.parametrize(("method", "path"), [("GET", "/status"), ("POST", "/backup/recover"), ("GET", "/openapi.json")])
def test_a_call_that_is_not_signed_or_not_by_its_caller_is_refused(
    stack: LocalStack, operator: Credentials, method: str, path: str
) -> None:
    url, body = f"{stack.api_url}{path}", b"{}" if method == "POST" else None
    assert call(method, url, None, body).status == 403
    assert call(method, url, (operator[0], "somebody-elses"), body).status == 403
    assert call(method, url, ("AKIAUNKNOWN", operator[1]), body).status == 403


def test_a_caller_without_permission_is_refused(stack: LocalStack) -> None:
    stranger = stack.api_credentials("stranger", allow=())
    assert call("GET", f"{stack.api_url}/status", stranger).status == 403
    assert call("POST", f"{stack.api_url}/backup/recover", stranger, {}).status == 403


def test_a_reader_may_look_but_not_recover(stack: LocalStack) -> None:
    reader = stack.api_credentials("reader", allow=("GET",))
    assert call("GET", f"{stack.api_url}/status", reader).status == 200
    for path in ("/backup/recover", f"/backup/recover/{NOBODYS}/cancel", f"/backup/recover/{NOBODYS}/undo"):
        assert call("POST", f"{stack.api_url}{path}", reader, {}).status == 403


def test_an_operator_may_ask_for_a_recovery(stack: LocalStack, operator: Credentials) -> None:
    asked = {"server_id": "server_999", "backup_type": "database"}
    reply = call("POST", f"{stack.api_url}/backup/recover", operator, asked)
    assert is_problem(reply)
    assert (reply.status, reply.json()["reason"]) == (404, "unknown_server")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/backup/recover?server_id=server_001", 200),
        ("GET", f"/backup/recover/{NOBODYS}", 404),
        ("POST", f"/backup/recover/{NOBODYS}/cancel", 404),
        ("POST", f"/backup/recover/{NOBODYS}/undo", 404),
        ("GET", "/backups?server_id=server_001&type=database", 200),
        ("GET", "/backups", 422),
        ("GET", "/status", 200),
        ("GET", "/openapi.json", 200),
    ],
)
def test_every_route_leads_to_the_function_which_may_read_what_it_needs(
    stack: LocalStack, operator: Credentials, method: str, path: str, status: int
) -> None:
    reply = call(method, f"{stack.api_url}{path}", operator, {} if method == "POST" else None)
    assert reply.status == status, reply.body
    assert is_problem(reply) == (status >= 400)


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", f"/backup/recover/{NOBODYS}"), ("GET", "/"), ("GET", "/backup"), ("PUT", "/status")]
)
def test_there_are_no_other_routes(stack: LocalStack, operator: Credentials, method: str, path: str) -> None:
    assert call(method, f"{stack.api_url}{path}", operator).status == 403
