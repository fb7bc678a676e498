"""Whoever comes to an agent gets what is on its list, or a status; it stays alive, and nobody holds it up."""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fixtures.agents import Served, raw_exchange, raw_request, status_of

UNLISTED_PATHS = [
    "/", "/backup", "/backup//", "/backup/.", "/backup/..", "/backup/../", "//backup/", "/etc/passwd", "/backup/database/",
    "/backup/database/main/", "/backup/database/main/report/",
    "/backup/database/..", "/backup/database/%6dain", "/backup/database/MAIN",
    "/backup/database/other", "/backup/database/main%00", "/backup/files/main", "/backup/files/..%2f..%2fetc",
    "/backup/full/full",
    "/backup/full/main", "/backup/snapshots/../../etc/passwd", "/backup/snapshots/..%2f..%2fetc%2fpasswd", "/backup/snapshots/A",
    "/restore/database/main/restore_swap", "/restore/database/../x", "/restore/files/main/tree_swap", "http://127.0.0.1/backup/",
    "/backup/?x=1",
    "/backup/database/main?snapshot=../../etc/passwd", "/backup/database/main?snapshot=A", "/backup/database/main?file=x",
    "/backup/database/main?snapshot=a&file=/etc/passwd", "/backup/database/main?snapshot=a&path=/etc/passwd",
    "/backup/database/main?snapshot=" + "a" * 201, "/backup/snapshots?older_than=-1", "/backup/snapshots?older_than=1e9",
]  # fmt: skip
WRONG_TOKENS = [
    "",
    "Bearer",
    "Bearer ",
    "Basic eDp5",
    "Bearer x",
    "Bearer \u00fc",
    "bearer  x",
    "Bearer " + "0" * 64,
    "Bearer " + "A" * 5000,
]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "G E T", ""]


def is_well(served: Served) -> bool:
    token = f"Bearer {served.agent.read_token}"
    return served.agent.is_running and status_of(raw_exchange(served.agent, raw_request("/backup/", token=token))) == 200


@pytest.fixture
def healthy(served: Served) -> Iterator[Served]:
    """The agent of all these tests, which must be alive and answering after each, with no work left at it."""
    pid = served.agent.pid
    yield served
    assert is_well(served)
    assert served.agent.pid == pid


@pytest.mark.parametrize("token", WRONG_TOKENS)
def test_without_the_token_nothing_is_told(healthy: Served, token: str) -> None:
    for path in ("/backup/", "/backup/database/main?snapshot=a", "/nowhere", "/restore/database/main/restore_survey"):
        answer = raw_exchange(healthy.agent, raw_request(path, token=token))
        assert status_of(answer) in (401, 400)
        assert answer.partition(b"\r\n\r\n")[2] == b""


@pytest.mark.parametrize("path", UNLISTED_PATHS)
def test_a_path_that_is_not_on_the_list_gives_a_status_alone(healthy: Served, path: str) -> None:
    answer = raw_exchange(healthy.agent, raw_request(path, token=f"Bearer {healthy.agent.read_token}"))
    assert status_of(answer) in (400, 403, 404, 405)
    assert answer.partition(b"\r\n\r\n")[2] == b""


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_a_resource_does_not_have_changes_nothing(healthy: Served, method: str) -> None:
    answer = raw_exchange(healthy.agent, raw_request("/backup/", method=method, token=f"Bearer {healthy.agent.read_token}"))
    expected = {"GET": 200, "get": 400, "G E T": 400, "": 400, "PROPFIND": 501}
    assert status_of(answer) == expected.get(method, 405 if method in ("HEAD", "POST", "DELETE") else 501)


PIECES = ["..", "/", "%2e", "%00", "etc", "passwd", "backup", "database", "main", "?", "snapshot=", "&", "a", "\\", "~"]
hostile = st.one_of(
    st.text(st.characters(min_codepoint=1, max_codepoint=0x2FF), max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
)


@settings(max_examples=150, deadline=None)
@given(path=hostile, method=st.sampled_from(METHODS), headers=st.one_of(st.just(""), hostile), body=st.binary(max_size=50))
def test_whatever_is_asked_nothing_but_the_listing_is_served(
    served: Served, path: str, method: str, headers: str, body: bytes
) -> None:
    token = f"Bearer {served.agent.read_token}"
    sent = raw_request(f"/{path}", method=method, token=token, headers=headers, body=body)
    answer = raw_exchange(served.agent, sent if b"\r\n\r\n" in sent else sent + b"\r\n\r\n")
    code, told = status_of(answer), answer.partition(b"\r\n\r\n")[2]
    assert code in (0, 200, 400, 403, 404, 405, 416, 429, 431, 501, 503)
    assert code == 200 or told == b""
    assert b"root:" not in answer
    assert b"SQLite format 3" not in told or "main" in path


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=600))
def test_bytes_that_are_no_request_end_the_connection(served: Served, data: bytes) -> None:
    assert status_of(raw_exchange(served.agent, data + b"\r\n\r\n")) in (0, 400, 401, 431, 501)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200))
def test_bytes_that_are_no_tls_end_the_connection(served: Served, data: bytes) -> None:
    # It may end the connection before all was sent.
    with suppress(OSError), socket.create_connection(("127.0.0.1", served.agent.port), timeout=20) as raw:
        raw.sendall(data)
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(65536):
            pass


def test_the_agent_is_well_after_all_of_that(healthy: Served) -> None:
    assert "Traceback" not in healthy.agent.log.read_text()


def test_neither_tokens_nor_paths_stand_in_the_log(healthy: Served) -> None:
    raw_exchange(healthy.agent, raw_request("/backup/database/main?snapshot=a", token=f"Bearer {healthy.agent.read_token}"))
    raw_exchange(healthy.agent, raw_request("/very-secret-path", token="Bearer very-secret-token"))
    log = healthy.agent.log.read_text()
    assert "GET main 200" in log
    assert not [word for word in ("secret", healthy.agent.read_token, str(healthy.path), "snapshot") if word in log]


values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just("server_001.000001"), st.just("/etc")
)
orders = st.dictionaries(
    st.sampled_from(["path", "recovery", "deadline", "sha256", "size", "offset", "method", "checks", "new_in", "staging"]),
    st.one_of(values, st.lists(values, max_size=2), st.dictionaries(st.text(max_size=3), values, max_size=2)),
)  # fmt: skip
STEPS = ["survey", "received", "receive", "check", "swap", "verify", "roll_back", "clean_up", "dance"]


@settings(max_examples=100, deadline=None)
@given(order=orders, step=st.sampled_from(STEPS), is_ours=st.booleans(), copy=st.binary(max_size=300))
def test_whatever_a_restore_says_the_database_stays_as_it_is(
    served: Served, order: dict[str, object], step: str, is_ours: bool, copy: bytes
) -> None:
    before, beside = served.path.read_bytes(), sorted(served.path.parent.iterdir())
    asked = {**order, **({"path": str(served.path), "deadline": 5} if is_ours else {})}
    line = json.dumps(asked).encode() + b"\n" + copy
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(line), line)
    sent = raw_request(
        f"/restore/database/main/restore_{step}", method="POST", token=f"Bearer {served.agent.restore_token}",
        headers="Transfer-Encoding: chunked\r\n", body=body,
    )  # fmt: skip
    assert status_of(raw_exchange(served.agent, sent)) in (200, 400)
    assert served.path.read_bytes() == before
    ours = [path for path in served.path.parent.iterdir() if path.name.startswith(".fleetsave-")]
    assert sorted(set(served.path.parent.iterdir()) - set(ours)) == [path for path in beside if path not in ours]


def test_the_agent_is_well_after_all_of_these_too(healthy: Served) -> None:
    assert "Traceback" not in healthy.agent.log.read_text()
