"""One request, read strictly: whatever is not plain HTTP/1.1 is refused, and nothing is read beyond its limits."""

import json
import re
from collections.abc import Iterator
from typing import Any

from fleetsave.sources.agent.door_client import Client, ClientGoneError

HEAD_BYTES, HEADERS, ORDER_BYTES = 8192, 40, 1 << 20
REQUEST_LINE = re.compile(rb"([A-Z]{3,10}) (/[A-Za-z0-9/_-]{0,300})(?:\?([A-Za-z0-9_=&-]{0,600}))? HTTP/1\.1")
HEADER = re.compile(rb"([A-Za-z0-9-]{1,60}):([\t\x20-\x7e]*)")
SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}\r\n")
METHODS = ("GET", "HEAD", "POST", "DELETE")
STATUS = {
    200: "OK", 206: "Partial Content", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 409: "Conflict", 413: "Content Too Large", 416: "Range Not Satisfiable", 429: "Too Many Requests",
    431: "Request Header Fields Too Large", 501: "Not Implemented", 503: "Service Unavailable",
}  # fmt: skip


class RefusedRequestError(Exception):
    """The answer is this status, with these headers, and nothing more."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__(status)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class HttpRequest:
    """What a client asks for; `query` and `headers` hold each name once, those of headers in small letters."""

    def __init__(self, client: Client) -> None:
        self._client = client
        head, self._rest = _read_head(client)
        line, *lines = head.split(b"\r\n")
        match = REQUEST_LINE.fullmatch(line)
        if match is None:
            raise RefusedRequestError(400)
        self.method, self.path = match.group(1).decode(), match.group(2).decode()
        self.query = _query((match.group(3) or b"").decode())
        self.headers = _headers(lines)
        if self.method not in METHODS:
            raise RefusedRequestError(501)
        coding, length = self.headers.get("transfer-encoding"), self.headers.get("content-length")
        self.has_body = coding is not None or length not in (None, "0")
        if self.has_body and (self.method != "POST" or coding != "chunked" or length is not None):
            raise RefusedRequestError(400)
        if not self.has_body and self._rest:
            raise RefusedRequestError(400)

    def require_query(self, *allowed: str) -> "dict[str, str]":
        """Return the query if it says nothing but what is allowed."""
        if set(self.query) - set(allowed):
            raise RefusedRequestError(400)
        return self.query

    def byte_range(self, size: int, etag: str) -> "tuple[int, int] | None":
        """Return the range of bytes that is asked for, None for all; ranges that are odd are ignored (RFC 9110, 14.2)."""
        match = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", self.headers.get("range", ""))
        if match is None or match.group(0) == "bytes=-" or self.method != "GET":
            return None
        if self.headers.get("if-range", etag) != etag:
            return None
        first, last = match.groups()
        start = int(first) if first else max(0, size - int(last))
        end = min(size, int(last) + 1) if first and last else size
        if first and last and int(last) < start:
            return None
        if start >= size:
            raise RefusedRequestError(416, Content_Range=f"bytes */{size}")
        return start, end

    def order_and_input(self) -> "tuple[dict[str, Any], Iterator[bytes]]":
        """Return the line of JSON that the body begins with, and what follows it."""
        blocks, begun = self._chunks(), b""
        while b"\n" not in begun:
            block = next(blocks, b"")
            if not block or len(begun) > ORDER_BYTES:
                raise RefusedRequestError(400)
            begun += block
        line, _, rest = begun.partition(b"\n")
        try:
            order = json.loads(line.decode())
        except (ValueError, RecursionError):
            raise RefusedRequestError(400) from None
        if not isinstance(order, dict):
            raise RefusedRequestError(400)
        return order, _after(rest, blocks)

    def _chunks(self) -> "Iterator[bytes]":
        """Yield a chunked body as it comes (RFC 9112, 7.1), without extensions and trailers."""
        while True:
            while b"\r\n" not in self._rest:
                self._more(limit=16)
            match = SIZE.match(self._rest)
            if match is None:
                raise RefusedRequestError(400)
            left, self._rest = int(match.group(), 16), self._rest[match.end() :]
            is_last = left == 0
            while left:
                if not self._rest:
                    self._more(limit=16)
                block, self._rest = self._rest[:left], self._rest[left:]
                left -= len(block)
                yield block
            while len(self._rest) < 2:
                self._more(limit=16)
            if self._rest[:2] != b"\r\n":
                raise RefusedRequestError(400)
            self._rest = self._rest[2:]
            if is_last:
                return

    def _more(self, limit: int) -> None:
        if len(self._rest) > limit:
            raise RefusedRequestError(400)
        block = self._client.receive()
        if not block:
            raise ClientGoneError
        self._rest += block


def _after(rest: bytes, blocks: "Iterator[bytes]") -> "Iterator[bytes]":
    if rest:
        yield rest
    yield from blocks


def _read_head(client: Client) -> "tuple[bytes, bytes]":
    read = b""
    while b"\r\n\r\n" not in read:
        if len(read) > HEAD_BYTES:
            raise RefusedRequestError(431)
        block = client.receive()
        if not block:
            raise ClientGoneError
        read += block
    head, _, rest = read.partition(b"\r\n\r\n")
    if len(head) > HEAD_BYTES:
        raise RefusedRequestError(431)
    return head, rest


def _query(text: str) -> "dict[str, str]":
    pairs = [part.partition("=") for part in text.split("&")] if text else []
    if any(not (name and sign and value) or "=" in value for name, sign, value in pairs):
        raise RefusedRequestError(400)
    found = {name: value for name, _, value in pairs}
    if len(found) < len(pairs):
        raise RefusedRequestError(400)
    return found


def _headers(lines: "list[bytes]") -> "dict[str, str]":
    if len(lines) > HEADERS:
        raise RefusedRequestError(431)
    found = {}  # type: dict[str, str]
    for line in lines:
        match = HEADER.fullmatch(line)
        name = match.group(1).decode().lower() if match else ""
        if match is None or name in found:
            raise RefusedRequestError(400)
        found[name] = match.group(2).decode().strip()
    if not found.get("host") or "expect" in found:
        raise RefusedRequestError(400)
    return found
