"""A request is plain HTTP/1.1 or refused, and a range of bytes is that of RFC 9110."""

import json
from contextlib import suppress
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.sources.agent.door_client import Client, ClientGoneError
from fleetsave.sources.agent.door_requests import HEAD_BYTES, HttpRequest, RefusedRequestError

ETAG = '"abc"'


class Sent:
    """A client that has sent some bytes, so many at a time, and then leaves."""

    def __init__(self, data: bytes, step: int = 65536) -> None:
        self.data = data
        self._step = step

    def receive(self) -> bytes:
        block, self.data = self.data[: self._step], self.data[self._step :]
        return block


def read(data: bytes, step: int = 65536) -> HttpRequest:
    return HttpRequest(cast(Client, Sent(data, step)))


def with_headers(*lines: str, method: str = "GET") -> HttpRequest:
    return read("\r\n".join([f"{method} /backup/ HTTP/1.1", "Host: x", *lines, "", ""]).encode())


@pytest.mark.parametrize("step", [1, 7, 65536])
def test_a_request_is_read_however_it_comes(step: int) -> None:
    request = read(b"GET /backup/database/main?snapshot=a_1&file=0f HTTP/1.1\r\nHost: x\r\nRange:  bytes=1-2\r\n\r\n", step)
    assert (request.method, request.path) == ("GET", "/backup/database/main")
    assert request.query == {"snapshot": "a_1", "file": "0f"}
    assert request.headers == {"host": "x", "range": "bytes=1-2"}


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /backup/ HTTP/1.0\r\nHost: x", 400),
        (b"GET /backup/", 400),
        (b"get /backup/ HTTP/1.1\r\nHost: x", 400),
        (b"GET  /backup/ HTTP/1.1\r\nHost: x", 400),
        (b"GET https://x/backup/ HTTP/1.1\r\nHost: x", 400),
        (b"GET /backup/../etc HTTP/1.1\r\nHost: x", 400),
        (b"GET /backup/%2e%2e HTTP/1.1\r\nHost: x", 400),
        (b"GET /backup/?a=1&a=2 HTTP/1.1\r\nHost: x", 400),
        (b"GET /backup/?a HTTP/1.1\r\nHost: x", 400),
        (b"GET /backup/?a=1=2 HTTP/1.1\r\nHost: x", 400),
        (b"GET /backup/ HTTP/1.1", 400),
        (b"GET /backup/ HTTP/1.1\r\nHost: x\r\nHost: y", 400),
        (b"GET /backup/ HTTP/1.1\r\nHost : x", 400),
        (b"GET /backup/ HTTP/1.1\r\nHost: x\r\n folded: y", 400),
        (b"GET /backup/ HTTP/1.1\r\nHost: x\nInjected: y", 400),
        (b"GET /backup/ HTTP/1.1\r\nHost: x\r\nName: \xff", 400),
        (b"GET /backup/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5", 400),
        (b"GET /backup/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked", 400),
        (b"POST /restore/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5", 400),
        (b"POST /restore/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", 400),
        (b"POST /restore/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked", 400),
        (b"POST /restore/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue", 400),
        (b"OPTIONS /backup/ HTTP/1.1\r\nHost: x", 501),
        (b"GET /backup/ HTTP/1.1\r\nHost: x\r\n" + b"\r\n".join(b"A%d: y" % n for n in range(50)), 431),
        (b"GET /backup/ HTTP/1.1\r\nHost: x\r\nA: " + b"y" * HEAD_BYTES, 431),
    ],
)
def test_whatever_is_not_plain_is_refused(head: bytes, status: int) -> None:
    with pytest.raises(RefusedRequestError) as refused:
        read(head + b"\r\n\r\n")
    assert refused.value.status == status


def test_a_second_request_behind_the_first_is_refused() -> None:
    with pytest.raises(RefusedRequestError):
        read(b"GET /backup/ HTTP/1.1\r\nHost: x\r\n\r\nGET /")


def test_a_client_that_leaves_in_the_middle_is_gone() -> None:
    with pytest.raises(ClientGoneError):
        read(b"GET /backup/ HTTP/1.1\r\nHos")


@given(st.binary(max_size=400))
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    for whole in (
        data,
        b"GET /backup/ HTTP/1.1\r\n" + data + b"\r\n\r\n",
        b"GET /backup/?" + data + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        try:
            request = read(whole)
        except (RefusedRequestError, ClientGoneError):
            continue
        assert request.path.startswith("/")
        assert ".." not in request.path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-", (0, 100)),
        ("bytes=99-", (99, 100)),
        ("bytes=10-19", (10, 20)),
        ("bytes=10-1000", (10, 100)),
        ("bytes=-1", (99, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes=20-10", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("bytes=a-b", None),
        ("bytes = 0-1", None),
        ("lines=0-1", None),
        ("bytes=0-99999999999999999999", None),
    ],
)
def test_a_range_is_that_of_the_standard(text: str, expected: tuple[int, int] | None) -> None:
    assert with_headers(f"Range: {text}").byte_range(100, ETAG) == expected


@pytest.mark.parametrize("text", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_that_has_no_byte_is_not_satisfiable(text: str) -> None:
    with pytest.raises(RefusedRequestError) as refused:
        with_headers(f"Range: {text}").byte_range(100, ETAG)
    assert (refused.value.status, refused.value.headers) == (416, {"Content-Range": "bytes */100"})


def test_a_range_of_another_snapshot_is_ignored() -> None:
    assert with_headers("Range: bytes=1-2", 'If-Range: "other"').byte_range(100, ETAG) is None
    assert with_headers("Range: bytes=1-2", f"If-Range: {ETAG}").byte_range(100, ETAG) == (1, 3)


@given(st.integers(1, 10**6), st.text("bytes=0123456789-, ", max_size=30))
def test_a_range_never_leaves_the_file(size: int, text: str) -> None:
    with suppress(RefusedRequestError):
        found = with_headers(f"Range: {text}").byte_range(size, ETAG)
        assert found is None or 0 <= found[0] < found[1] <= size


def chunked(*blocks: bytes) -> bytes:
    head = b"POST /restore/database/main/restore_receive HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(block), block) for block in blocks) + b"0\r\n\r\n"


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=5), st.integers(1, 300))
def test_a_body_comes_out_as_it_went_in(blocks: list[bytes], step: int) -> None:
    order, given_then = read(chunked(b'{"size": 1}\n', *blocks), step).order_and_input()
    assert (order, b"".join(given_then)) == ({"size": 1}, b"".join(blocks))


@given(st.binary(max_size=300))
def test_a_body_that_is_broken_is_refused_or_the_client_is_gone(junk: bytes) -> None:
    whole = chunked(json.dumps({}).encode() + b"\n")
    try:
        _, given_then = read(whole[: -len(b"0\r\n\r\n")] + junk).order_and_input()
        b"".join(given_then)
    except (RefusedRequestError, ClientGoneError):
        return
    assert b"0\r\n\r\n" in junk


@pytest.mark.parametrize(
    "order", [b"[]\n", b"{\n", b"\xff\n", b"x" * 2_000_000 + b"\n", b"{}", b"[" * 50_000 + b"\n"], ids=range(6)
)
def test_an_order_that_is_no_object_on_a_line_is_refused(order: bytes) -> None:
    with pytest.raises(RefusedRequestError):
        read(chunked(order)).order_and_input()
