"""The way to an agent over HTTPS: certificates are verified, answers are bounded, and nothing is believed that is odd.

By the standard library's own HTTP, for each limit is then in sight: one connection for each request, no pool, no redirects, no
proxy, and no second try that the caller does not know of. What urllib3 adds is what must not happen here.
"""

import json
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from fleetsave.model.errors import AuthenticationError, ConfigurationError, RemoteFileError, StalledError, TransportError
from fleetsave.model.fleet_parts import Https
from fleetsave.transports.certificates import certificate_error, context_of
from fleetsave.transports.deadline_reader import DeadlineReader

CHUNK = 1 << 20
_LARGEST_REPLY = 16 << 20
_HEAD_SECONDS = 30.0
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{20,500}=*")


class Answer:
    """What an agent answers: `status`, its headers, and its body, which is read once."""

    def __init__(
        self, connection: "HttpsConnection", sock: ssl.SSLSocket, reader: DeadlineReader, method: str, what: str
    ) -> None:
        self._connection = connection
        self._sock = sock
        self._reader = reader
        self._what = what
        self._response = HTTPResponse(cast(socket.socket, reader), method=method)
        with connection.named_errors(what):
            self._response.begin()
        self.status = self._response.status
        self._left = self._response.length  # None for a chunked body, which tells its own end
        self._buffer = b""
        if self._left is None and not getattr(self._response, "chunked", False) and method != "HEAD":
            raise connection.odd(what, "it does not tell where its answer ends")

    def header(self, name: str) -> str:
        """Return a header, "" if there is none."""
        return self._response.headers.get(name, "")

    def read(self, size: int = CHUNK, *, within: float | None = None) -> bytes:
        """Return what comes next, at most `size`, b"" at the end; `within` bounds all that comes in seconds from now, if given.

        Raise StalledError after the connection's limit without a byte, TransportError if the body ends before its end.
        """
        if self._buffer:
            block, self._buffer = self._buffer[:size], self._buffer[size:]
            return block
        if within is not None:
            self._reader.grant(within)
        with self._connection.named_errors(self._what):
            block = self._response.read1(size)
        if self._left is not None:
            self._left -= len(block)
            if not block and self._left > 0:
                raise self._connection.cut_short(self._what, f"the answer ended {self._left} bytes too early")
        return block

    def read_line(self, *, within: float) -> bytes:
        """Return the next line that is not empty, b"" at the end. Raise TransportError for one that has no end."""
        self._reader.grant(within)
        line = bytearray()
        while True:
            block = self.read()
            begun, newline, rest = block.partition(b"\n")
            line += begun
            if newline:
                self._buffer = rest
            if not block or (newline and line.strip()):
                return bytes(line)
            if newline:
                line.clear()
            if len(line) > _LARGEST_REPLY:
                raise self._connection.odd(self._what, f"it answers with more than {_LARGEST_REPLY} bytes")

    def read_reply(self, *, within: float) -> dict[str, Any]:
        """Return the next reply of the on-server script. Raise TransportError if what comes is none."""
        line = self.read_line(within=within)
        try:
            reply = json.loads(line)
        except (ValueError, RecursionError):
            reply = None
        if not isinstance(reply, dict) or reply.get("fleetsave") != 1:
            raise self._connection.odd(self._what, f"it answers with what is no reply of an agent: {line[:100]!r}")
        return reply

    def grant(self, seconds: float) -> None:
        """Let what comes take so many seconds from now, all of it."""
        self._reader.grant(seconds)

    def send(self, data: bytes) -> None:
        """Send a chunk of the request's body; b"" is its end."""
        with self._connection.named_errors(self._what):
            self._sock.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    def close(self) -> None:
        """Drop the connection; closing twice is no error."""
        self._response.close()
        self._sock.close()


class HttpsConnection:
    """One agent; `token` is the text of the secret that `https.token_secret` names, and stands in no error.

    Connects anew for each request. `stall_seconds` bounds every silence. Raise ConfigurationError if the token or the authority's
    certificate cannot be read.
    """

    def __init__(self, https: Https, token: str, *, stall_seconds: float = 20) -> None:
        parts = urlsplit(https.url)
        self._host, self._port = parts.hostname or "", parts.port or 443
        self.target = parts.netloc
        self._stall_seconds = stall_seconds
        self._connect_seconds = https.connect_timeout.total_seconds()
        self._context = context_of(https)
        self._authorization = f"Bearer {token.strip()}"
        if not _TOKEN.fullmatch(token.strip()):
            raise ConfigurationError(
                "read secret", https.token_secret, "it is not a token of an agent",
                "Store the token alone, as `fleetsave_agent.py --new-token` printed it.",
            )  # fmt: skip

    @contextmanager
    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        more: bool = False,
        within: float = _HEAD_SECONDS,
    ) -> Iterator[Answer]:
        """Lend the answer to one request, whatever its status but a refused login, a redirect, or one that asks to come again.

        `body` is all of the body or, if there is `more`, what `Answer.send` goes on with. `within` is how long the head of
        the answer may take.
        """
        answer = self.open(method, path, query, headers=headers, body=body, more=more, within=within)
        try:
            yield answer
        finally:
            answer.close()

    def open(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        more: bool = False,
        within: float = _HEAD_SECONDS,
    ) -> Answer:
        """Return what `request` lends; the caller closes it."""
        what = f"{method} {path}"
        sock = self._connect()
        try:
            with self.named_errors(what):
                sock.sendall(self._head(method, path, query, headers, has_body=body is not None))
                if body is not None:
                    sock.sendall(b"%x\r\n%s\r\n%s" % (len(body), body, b"" if more else b"0\r\n\r\n"))
            reader = DeadlineReader(sock, self._stall_seconds, within)
            answer = Answer(self, sock, reader, method, what)
            self._require_served(answer, what)
        except BaseException:
            sock.close()
            raise
        return answer

    def delete(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the reply to a request that removes something."""
        with self.request("DELETE", path, query) as answer:
            return answer.read_reply(within=_HEAD_SECONDS)

    def close(self) -> None:
        """Nothing is open between requests."""

    def _connect(self) -> ssl.SSLSocket:
        try:
            raw = socket.create_connection((self._host, self._port), timeout=self._connect_seconds)
        except OSError as error:
            raise TransportError(
                "connect to", self.target, f"{error.strerror or error}",
                "Look whether the agent runs there, and whether a firewall lets this side through.", retryable=True,
            ) from None  # fmt: skip
        try:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            sock = self._context.wrap_socket(raw, server_hostname=self._host)
        except ssl.SSLCertVerificationError as error:
            raw.close()
            raise certificate_error(self.target, error) from None
        except OSError as error:  # ssl's errors among them
            raw.close()
            raise self.cut_short("TLS handshake", getattr(error, "reason", None) or str(error)) from None
        sock.settimeout(self._stall_seconds)
        return sock

    def _head(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        *,
        has_body: bool,
    ) -> bytes:
        line = f"{method} {path}{'?' + urlencode(query) if query else ''} HTTP/1.1"
        values = {"Host": self.target, "Authorization": self._authorization, "Connection": "close", **(headers or {})}
        if has_body:
            values["Transfer-Encoding"] = "chunked"
        return "\r\n".join([line, *(f"{name}: {value}" for name, value in values.items()), "", ""]).encode("ascii")

    def _require_served(self, answer: Answer, what: str) -> None:
        status = answer.status
        if status in (401, 403):
            cause = "the agent does not know the token" if status == 401 else "the agent refuses that to this token"
            raise AuthenticationError(
                "log in to", self.target, cause,
                "Store the token whose SHA-256 stands in the agent's configuration, that for reading or that for restores.",
            )  # fmt: skip
        if status == 404:
            raise RemoteFileError(
                f"{what} on", self.target, "the agent serves no such thing",
                "Compare the fleet file's names with the agent's configuration; restores must be allowed there.",
            )  # fmt: skip
        if 300 <= status < 400:
            raise self.odd(what, f"it answers with {status}, a redirect, and none is followed")
        if status in (429, 503):
            after = answer.header("Retry-After")[:20]
            raise TransportError(
                f"{what} on", self.target, f"the agent is busy, and asks to come again after {after or 'some'} seconds",
                "It is asked again later; its limits stand in its configuration.", retryable=True,
            )  # fmt: skip
        if status not in (200, 206, 409, 416):
            raise self.odd(what, f"it answers with status {status}", retryable=status >= 500)

    @contextmanager
    def named_errors(self, what: str) -> Iterator[None]:
        """Turn what goes wrong on the wire into a TransportError."""
        try:
            yield
        except TimeoutError:
            raise StalledError(
                f"{what} on", self.target, f"no byte came for {self._stall_seconds:g} seconds, or the whole took too long",
                "Look at the network and at the load of the server.", retryable=True,
            ) from None  # fmt: skip
        except HTTPException as error:
            raise self.cut_short(what, f"the answer is broken: {type(error).__name__}") from None
        except (OSError, ValueError) as error:  # a socket that was closed meanwhile gives a ValueError
            raise self.cut_short(what, f"the connection broke: {getattr(error, 'reason', None) or error}") from None

    def cut_short(self, what: str, cause: str) -> TransportError:
        """Return the error for an answer that did not come to its end."""
        return TransportError(
            f"{what} on", self.target, cause, "It is tried again; look at the network if it stays.", retryable=True
        )

    def odd(self, what: str, cause: str, *, retryable: bool = False) -> TransportError:
        """Return the error for an answer that no agent gives."""
        return TransportError(
            f"{what} on", self.target, cause, "Look what answers at https.url: it is not fleetsave's agent.", retryable=retryable
        )
