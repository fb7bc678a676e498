"""A frozen snapshot on an agent: a file that can be read from any byte on, and is known by its ETag and its digest."""

import base64
import hashlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

from fleetsave.model.errors import AuthenticationError, RemoteFileError, TransportError
from fleetsave.model.records import CaptureReport
from fleetsave.sources.sqlite.refusals import refusal
from fleetsave.transports.https import Answer, HttpsConnection

_ATTEMPTS = 3
_PAUSE = 0.5  # seconds before a connection is made anew, times the attempts that brought nothing
_LONGEST_SECONDS = 86400.0
_REPLY_SECONDS = 120.0


class HttpsCapture:
    """The port `Capture` over a frozen snapshot at `resource` and `query`.

    The agent takes the snapshot anew if it has gone: that one has another ETag, and is refused.
    """

    resumable = True

    def __init__(self, connection: HttpsConnection, report: CaptureReport, resource: str, query: Mapping[str, str]) -> None:
        self.report = report
        self._connection = connection
        self._resource = resource
        self._query = query
        self._etag = f'"{report.snapshot_id}"'

    def read(self, offset: int) -> Iterator[bytes]:
        """Stream the snapshot from `offset`, over as many connections as it takes; read whole, its digest is compared."""
        position, failures = offset, 0
        digest = hashlib.sha256() if offset == 0 else None
        while position < self.report.size:
            try:
                for block in self._read_from(position):
                    position += len(block)
                    failures = 0
                    if digest is not None:
                        digest.update(block)
                    yield block
            except (AuthenticationError, RemoteFileError):
                raise
            except TransportError as error:
                failures += 1
                if not error.retryable or failures >= _ATTEMPTS:
                    raise
                time.sleep(_PAUSE * failures)
        if digest is not None and digest.hexdigest() != self.report.sha256:
            raise self._refusal("not_whole", f"what came has sha256 {digest.hexdigest()}, and {self.report.sha256} was promised")

    def release(self) -> None:
        """Remove the snapshot from the server."""
        self._connection.delete(self._resource, self._query)

    def _read_from(self, offset: int) -> Iterator[bytes]:
        headers = {"Range": f"bytes={offset}-", "If-Range": self._etag}
        with self._connection.request("GET", self._resource, self._query, headers=headers, within=_REPLY_SECONDS) as answer:
            self._require_same(answer, offset)
            answer.grant(_LONGEST_SECONDS)
            while block := answer.read():
                yield block

    def _require_same(self, answer: Answer, offset: int) -> None:
        """Raise CaptureError unless it is the rest of the snapshot that the report tells of, to the byte."""
        if answer.status == 409:
            reply: dict[str, Any] = answer.read_reply(within=_REPLY_SECONDS)
            raise self._refusal(str(reply.get("error"))[:50], str(reply.get("cause", ""))[:500])
        etag = answer.header("ETag")
        if answer.status == 416 or etag != self._etag:
            raise self._refusal("changed", f"the snapshot is another now: {etag[:80] or 'it has no byte there'}")
        size = self.report.size
        expected = {
            "Content-Range": f"bytes {offset}-{size - 1}/{size}",
            "Content-Length": str(size - offset),
            "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(self.report.sha256)).decode()}:",
        }
        for name, value in expected.items():
            if answer.header(name) != value:
                raise self._refusal("not_whole", f"the agent says {name}: {answer.header(name)[:100]!r}, and not {value!r}")

    def _refusal(self, reason: str, cause: str) -> Exception:
        return refusal(self.report.source_path, reason, cause)
