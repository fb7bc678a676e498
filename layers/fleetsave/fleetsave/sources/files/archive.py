"""An archive that a server is sending, read from the wire: a line of JSON, then frames (`server_side.frames`).

The bytes are a stranger's: every length, every sum and the time are bounded here.
"""

import json
from collections.abc import Callable, Generator
from typing import Any

from pydantic import TypeAdapter, ValidationError

from fleetsave.model.archives import ArchiveOrder, ArchiveProblem, ArchiveReport, ManifestReport
from fleetsave.model.errors import CaptureError
from fleetsave.sources.files.packed_manifest import PackedManifest
from fleetsave.sources.files.refusals import archive_refusal
from fleetsave.sources.files.server_side.frames import (
    ALIVE_FRAME,
    DATA_FRAME,
    END_FRAME,
    FRAME_HEADER,
    LARGEST_FRAME,
    MANIFEST_FRAME,
)

METHOD = "archive"
STALL_SECONDS = 60.0
"""How long a server at work is never silent: it sends a frame every few seconds, if only to say so."""

_REPORT = TypeAdapter(ArchiveReport)
_READ = 256 << 10
_LARGEST_ARCHIVE = 5 << 40
_LINES_BEFORE_REPLY = 50


class ArchiveStream:
    """The port `LiveArchive` over what `read` gives: at most so many bytes as it is asked for, b"" at the end.

    `read` bounds silence by STALL_SECONDS, and raises TransportError. `should_stop` tells that the time is up.
    """

    def __init__(
        self, read: Callable[[int], bytes], order: ArchiveOrder, should_stop: Callable[[], bool], *, method: str = METHOD
    ) -> None:
        self._read = read
        self._target = order.source_path
        self._method = method
        self._should_stop = should_stop
        self._buffer = bytearray()
        self._size = 0
        self._manifest = PackedManifest(self._target)
        self._beside = b""
        self._reply: dict[str, Any] | None = None

    @property
    def beside(self) -> bytes:
        """Return the manifest, compressed by zstd."""
        return self._beside

    def chunks(self) -> Generator[bytes]:
        """Yield the archive's bytes in chunks of at most 1 MiB. Raise CaptureError if it does not come to its end."""
        self._outcome(self._first_reply())
        while True:
            kind, payload = self._frame()
            if kind == END_FRAME:
                break
            self._take(kind, payload)
            if payload:
                yield payload
        reply = self._outcome(self._parsed(payload))
        self._require_whole(reply)
        self._beside = self._manifest.frame()
        self._reply = reply

    def report(self, beside_key: str, sha256: str) -> ArchiveReport:
        """Return how it was taken. Raise CaptureError if `sha256`, of what came, is not what the server hashed."""
        if self._reply is None:
            raise archive_refusal(self._target, "cut_short", "it was not read to its end")
        if self._reply["sha256"] != sha256:
            cause = f"sha256 {sha256} arrived, and the server sent {self._reply['sha256']}"
            raise archive_refusal(self._target, "altered_in_transit", cause)
        manifest = ManifestReport(beside_key, self._manifest.sha256, self._manifest.size)
        return archive_report(self._reply, self._target, method=self._method, sha256_origin="source", manifest=manifest)

    def _take(self, kind: bytes, payload: bytes) -> None:
        if kind == MANIFEST_FRAME:
            self._manifest.add(payload)
        elif (kind != DATA_FRAME or not payload) and (kind != ALIVE_FRAME or payload):
            raise self._nonsense(f"a frame of kind {kind!r} with {len(payload)} bytes")
        self._size += len(payload)
        if self._size > _LARGEST_ARCHIVE:
            raise archive_refusal(self._target, "too_large", f"more than {_LARGEST_ARCHIVE} bytes came")

    def _require_whole(self, reply: dict[str, Any]) -> None:
        try:
            size, sha256, manifest_sha256, manifest_size = (
                reply[name] for name in ("size", "sha256", "manifest_sha256", "manifest_size")
            )
        except KeyError as error:
            raise self._nonsense(f"a report without {error}") from None
        if size != self._size or not isinstance(sha256, str):
            raise archive_refusal(self._target, "altered_in_transit", f"{self._size} bytes arrived, and the server sent {size}")
        self._manifest.require(manifest_sha256, manifest_size)

    def _first_reply(self) -> dict[str, Any]:
        """Return the first line that is a reply; what an account's start-up files write may stand before it."""
        for _ in range(_LINES_BEFORE_REPLY):
            while (end := self._buffer.find(b"\n")) < 0:
                if len(self._buffer) > LARGEST_FRAME:
                    raise self._nonsense("a line without an end")
                self._fill()
            line = bytes(self._buffer[: end + 1])
            del self._buffer[: end + 1]
            if line.startswith(b"{") and (reply := _reply(line)) is not None:
                return reply
        raise self._nonsense("text that is no reply")

    def _frame(self) -> tuple[bytes, bytes]:
        kind, size = FRAME_HEADER.unpack(self._exactly(FRAME_HEADER.size))
        if size > LARGEST_FRAME:
            raise self._nonsense(f"a frame of {size} bytes")
        return kind, self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _fill(self) -> None:
        if self._should_stop():
            raise too_slow(self._target, self._size)
        data = self._read(_READ)
        if not data:
            raise archive_refusal(self._target, "cut_short", f"it ended after {self._size} bytes, without its last word")
        self._buffer += data

    def _parsed(self, payload: bytes) -> dict[str, Any]:
        reply = _reply(payload)
        if reply is None:
            raise self._nonsense("a last frame that is no reply")
        return reply

    def _outcome(self, reply: dict[str, Any]) -> dict[str, Any]:
        if "error" in reply:
            raise archive_refusal(self._target, str(reply["error"])[:50], printable(str(reply.get("cause", "")))[:500])
        outcome = reply.get("ok")
        if not isinstance(outcome, dict):
            raise self._nonsense("a reply without an outcome")
        return outcome

    def _nonsense(self, what: str) -> CaptureError:
        return archive_refusal(self._target, "bad_reply", f"it sent {what}")


def archive_report(
    reply: dict[str, Any], source_path: str, *, method: str, sha256_origin: str, manifest: ManifestReport
) -> ArchiveReport:
    """Return the report that a reply holds. Raise CaptureError, reason `bad_reply`, if it is not complete."""
    values = {**reply, "method": method, "sha256_origin": sha256_origin, "source_path": source_path, "manifest": manifest}
    try:
        values["named"] = [ArchiveProblem(**{key: printable(one[key]) for key in one}) for one in reply["named"]]
        values["databases"] = [printable(name) for name in reply["databases"]]
        return _REPORT.validate_python(values)
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        raise archive_refusal(source_path, "bad_reply", f"its report is not complete: {error}"[:500]) from None


def too_slow(source_path: str, size: int) -> CaptureError:
    """Return the error for an archive that has not come to its end when the time is up."""
    return archive_refusal(source_path, "too_slow", f"the time was up after {size} bytes, and it cannot be gone on with")


def printable(text: str) -> str:
    """Return a text whose bytes that are not UTF-8 are written out, as records and messages can hold it."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _reply(line: bytes) -> dict[str, Any] | None:
    try:
        reply = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return reply if isinstance(reply, dict) and reply.get("fleetsave") == 1 else None
