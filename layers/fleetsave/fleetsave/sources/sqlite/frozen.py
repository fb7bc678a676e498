"""A snapshot that is a file of its own on the server: it stays until it is dropped, so a later run can go on reading it."""

from collections.abc import Callable, Iterator

from fleetsave.model.errors import RemoteFileError
from fleetsave.model.records import CaptureReport
from fleetsave.sources.sqlite.refusals import refusal
from fleetsave.transports.base import Transport


class FrozenCapture:
    """The port `Capture` over a frozen snapshot at `path` on the server; `drop` removes it."""

    resumable = True

    def __init__(self, transport: Transport, report: CaptureReport, path: str, drop: Callable[[], object]) -> None:
        self.report = report
        self._transport = transport
        self._path = path
        self._drop = drop

    def read(self, offset: int) -> Iterator[bytes]:
        """Stream the snapshot from `offset`."""
        try:
            yield from self._transport.read_file(self._path, offset=offset, length=self.report.size - offset)
        except RemoteFileError as error:
            raise refusal(self.report.source_path, "snapshot_gone", f"{self._path}: {error.cause}") from error

    def release(self) -> None:
        """Remove the snapshot from the server."""
        self._drop()
