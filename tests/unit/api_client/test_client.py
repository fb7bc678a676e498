"""Calls of the recovery API are signed as AWS wants them, and every way to fail is told plainly and without secrets."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import botocore.auth
import pytest
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError, SSLError

from fleetsave.api_client import RecoveryApi, Reply
from fleetsave.api_client.wire import Answer
from fleetsave.local.processes import free_port
from fleetsave.model.errors import ApiProblemError, ConfigurationError
from tests.fakes.recovery_api import CREDENTIALS, URL, ScriptedApi, ok, problem
from tests.fixtures.certificates import write_certificates

BODY = {
    "server_id": "server_001",
    "backup_key": "servers/server_001/database/server_001_20240101_120000_database.db",
    "backup_type": "database",
}
ID = "server_001.000001"
RECOVER = "POST /backup/recover"
GET = f"GET /backup/recover/{ID}"


@pytest.fixture
def api() -> ScriptedApi:
    return ScriptedApi()


def failure(api: ScriptedApi, call: str = "get", *arguments: Any) -> ApiProblemError:
    with pytest.raises(ApiProblemError) as caught:
        getattr(api.client(), call)(*(arguments or (ID,)))
    return caught.value


def test_a_request_is_signed_as_awss_documentation_computes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # The vector `post-vanilla` of AWS's signature v4 test suite, through the client's own signing.
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: datetime(2015, 8, 30, 12, 36))  # noqa: DTZ001 - as botocore gives it
    seen: dict[str, str] = {}

    class Vector(botocore.auth.SigV4Auth):
        def headers_to_sign(self, request: Any) -> Any:
            headers = super().headers_to_sign(request)
            for name in set(headers) - {"host", "x-amz-date"}:
                del headers[name]
            return headers

        def add_auth(self, request: Any) -> None:
            super().add_auth(request)
            seen["authorization"] = request.headers["Authorization"]

    monkeypatch.setattr("fleetsave.api_client.client.SigV4Auth", Vector)
    monkeypatch.setattr("fleetsave.api_client.client._SERVICE", "service")
    known = ReadOnlyCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None)
    client = RecoveryApi("https://example.amazonaws.com", known, "us-east-1", send=lambda _: ok({}))
    client._call("POST", "/")  # no public call has the vector's path
    assert seen["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "
        "Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
    )


def test_body_token_and_idempotency_key_are_part_of_what_is_signed(api: ScriptedApi) -> None:
    api.answer(RECOVER, ok({"id": ID}, 202, Retry_After="3", Idempotency_Replayed="true"))
    reply = api.client().recover(BODY, "a key of my own")
    assert (reply.status, reply.document, reply.is_replay, reply.retry_after) == (202, {"id": ID}, True, 3)
    (asked,) = api.asked
    assert asked.body == BODY
    assert asked.headers["x-amz-security-token"] == "the session token"
    signed = asked.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert {"host", "x-amz-date", "x-amz-security-token", "idempotency-key", "content-type"} <= set(signed)
    assert "/eu-central-1/execute-api/aws4_request" in asked.headers["authorization"]


def test_every_call_goes_to_its_route(api: ScriptedApi) -> None:
    client = api.client()
    routes: dict[str, Callable[[], Reply]] = {
        RECOVER: lambda: client.plan(BODY),
        GET: lambda: client.get(ID),
        "GET /backup/recover?server_id=server_001": lambda: client.list("server_001"),
        f"{RECOVER}/{ID}/cancel": lambda: client.cancel(ID),
        f"{RECOVER}/{ID}/undo": lambda: client.undo(ID, "key"),
        "GET /backups?server_id=a&type=database&from=2024-01-01T12%3A00%3A00%2B01%3A00&verified=true": lambda: client.backups(
            "a", kind="database", since="2024-01-01T12:00:00+01:00", verified=True
        ),
        "GET /status": client.status,
        "GET /backup/recover/..%2Fstatus": lambda: client.get("../status"),
    }
    for route, call in routes.items():
        api.answer(route, ok({"route": route}))
        assert call().document == {"route": route}
    assert api.asked[0].body == {**BODY, "dry_run": True}


def test_a_problem_is_told_with_its_reason(api: ScriptedApi) -> None:
    api.answer(RECOVER, problem(409, "recovery_running", cause="recovery x is under way there", hint="Wait for it."))
    error = failure(api, "recover", BODY)
    assert (error.status, error.reason, error.retryable) == (409, "recovery_running", False)
    assert (error.cause, error.hint) == ("recovery x is under way there", "Wait for it.")
    assert error.as_dict()["reason"] == "recovery_running"
    assert error.as_dict()["status"] == "409"
    assert len(api.asked) == 1


def test_the_fields_that_are_wrong_and_whether_to_ask_again_are_taken_from_the_problem(api: ScriptedApi) -> None:
    wrong = [{"field": "body.at", "message": "there is no such time"}]
    api.answer(RECOVER, problem(422, "invalid_input", errors=wrong), problem(503, "unavailable", retryable=False))
    assert "body.at: there is no such time" in failure(api, "recover", BODY).cause
    assert not failure(api, "recover", BODY, "key").retryable
    assert len(api.asked) == 2


@pytest.mark.parametrize(
    ("status", "message", "hint"),
    [
        (
            403,
            "User: arn:aws:iam::1:user/a is not authorized to perform: execute-api:Invoke on resource: x",
            "execute-api:Invoke",
        ),
        (403, "Missing Authentication Token", "stage"),
        (403, "Signature expired: 20240101T000000Z is now earlier than 20240101T001000Z", "clock"),
        (403, "The request signature we calculated does not match the signature you provided.", "region"),
        (403, "The security token included in the request is invalid.", "credentials"),
        (403, "Forbidden", "credentials"),
        (504, "Endpoint request timed out", "again"),
    ],
)
def test_what_api_gateway_says_by_itself_comes_with_what_to_do(api: ScriptedApi, status: int, message: str, hint: str) -> None:
    api.answer(GET, ok({"message": message}, status))
    error = failure(api)
    assert message.rstrip(".") in error.cause
    assert hint in error.hint
    assert (error.status, error.reason, error.retryable) == (status, None, status == 504)


def test_no_secret_is_repeated_from_what_api_gateway_says(api: ScriptedApi) -> None:
    echoed = "The request signature we calculated does not match.\n\nThe Canonical String\nx-amz-security-token:the session token"
    api.answer(GET, ok({"message": echoed}, 403))
    assert "the session token" not in str(failure(api))


@pytest.mark.parametrize(
    ("answer", "retryable"),
    [
        (Answer(200, {}, b"<html>a portal</html>"), False),
        (Answer(200, {}, b"[1]"), False),
        (Answer(301, {"location": "https://elsewhere"}, b""), False),
        (Answer(502, {}, b"<html>bad gateway</html>"), True),
        (Answer(503, {}, b""), True),
    ],
)
def test_an_answer_that_is_not_the_apis_is_an_error(api: ScriptedApi, answer: Answer, retryable: bool) -> None:
    api.answer(GET, answer)
    error = failure(api)
    assert (error.status, error.retryable) == (answer.status, retryable)
    assert "no JSON" in error.cause


@pytest.mark.parametrize(
    ("raised", "words", "retryable"),
    [
        (ReadTimeoutError(endpoint_url=URL), "in time", True),
        (EndpointConnectionError(endpoint_url=URL), "cannot be reached", True),
        (ConnectionClosedError(endpoint_url=URL), "broke", True),
        (SSLError(endpoint_url=URL, error=OSError("self-signed")), "certificate", False),
    ],
)
def test_no_answer_at_all_is_an_error_without_a_status(api: ScriptedApi, raised: Exception, words: str, retryable: bool) -> None:
    api.answer(GET, raised)
    error = failure(api)
    assert words in error.cause
    assert (error.status, error.retryable) == (None, retryable)
    assert len(api.asked) == (3 if retryable else 1)


def test_reading_is_tried_again_with_growing_pauses_and_a_signature_each(api: ScriptedApi) -> None:
    api.answer(GET, Answer(503, {}, b""), EndpointConnectionError(endpoint_url=URL), ok({"id": ID}))
    assert api.client().get(ID).document == {"id": ID}
    assert api.pauses == [0.5, 1.0]


def test_a_post_is_tried_again_only_with_an_idempotency_key(api: ScriptedApi) -> None:
    api.answer(RECOVER, ReadTimeoutError(endpoint_url=URL), ok({"id": ID}, 202))
    assert failure(api, "recover", BODY).retryable
    assert len(api.asked) == 1
    api.answer(RECOVER, ReadTimeoutError(endpoint_url=URL), ok({"id": ID}, 202, Idempotency_Replayed="true"))
    assert api.client().recover(BODY, "key").is_replay
    keys = [asked.headers.get("idempotency-key") for asked in api.asked[1:]]
    assert keys == ["key", "key"]


@pytest.mark.parametrize(
    "url", ["http://api.example.net/v1", "http://10.0.0.1/v1", "ftp://x", "api.example.net", "https://u:p@x/v1"]
)
def test_an_address_that_would_not_be_safe_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        RecoveryApi(url, CREDENTIALS, "us-east-1")


def test_temporary_credentials_that_cannot_be_renewed_are_a_clear_error(api: ScriptedApi) -> None:
    class Expired(Credentials):
        def get_frozen_credentials(self) -> ReadOnlyCredentials:
            raise botocore.exceptions.CredentialRetrievalError(provider="sso", error_msg="expired")

    client = RecoveryApi(URL, Expired("a", "b"), "us-east-1", send=api)
    with pytest.raises(ConfigurationError, match="renewed"):
        client.status()


@contextmanager
def loopback(*answers: tuple[int, bytes], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Answer over real HTTP, or HTTPS, on this machine."""
    waiting = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = waiting.pop(0)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        # A client that refuses the certificate breaks off within the handshake, which is then in the thread that answers.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_over_real_http_on_this_machine() -> None:
    with loopback((503, b""), (200, b'{"is_safe": true}')) as url:
        client = RecoveryApi(url, CREDENTIALS, "us-east-1", pause=lambda _: None)
        assert client.status().document == {"is_safe": True}


def test_a_certificate_is_verified_and_a_private_authority_trusted_where_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, certificate, key = write_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with loopback((200, b"{}"), (200, b'{"is_safe": true}'), tls=context) as url:
        monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
        with pytest.raises(ApiProblemError, match="certificate"):
            RecoveryApi(url, CREDENTIALS, "us-east-1").status()
        monkeypatch.setenv("AWS_CA_BUNDLE", str(authority))
        assert RecoveryApi(url, CREDENTIALS, "us-east-1").status().status == 200


def test_nobody_listening_is_told_as_such() -> None:
    client = RecoveryApi(f"http://127.0.0.1:{free_port()}/v1", CREDENTIALS, "us-east-1", pause=lambda _: None)
    with pytest.raises(ApiProblemError, match="cannot be reached"):
        client.status()


def test_a_server_that_says_nothing_is_given_up_after_the_time_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = RecoveryApi(url, CREDENTIALS, "us-east-1", timeout=0.1, pause=lambda _: None)
        with pytest.raises(ApiProblemError, match="did not answer in time"):
            client.status()


def test_the_clock_of_a_signature_is_utc(api: ScriptedApi) -> None:
    api.answer("GET /status", ok({}))
    api.client().status()
    stamp = datetime.strptime(api.asked[0].headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - stamp).total_seconds()) < 60
