"""The port of a capture: one consistent snapshot, and the stream of it."""

from collections.abc import Iterator
from typing import Protocol

from fleetsave.model.records import CaptureReport


class Capture(Protocol):
    """A consistent snapshot that can be read.

    `resumable` tells whether it is a frozen file that outlives this process, so that a later run can go on reading it.
    """

    @property
    def report(self) -> CaptureReport:
        """Return how the snapshot was taken."""
        ...

    @property
    def resumable(self) -> bool:
        """Tell whether `read` may be called again later, by another process, and gives the same bytes."""
        ...

    def read(self, offset: int) -> Iterator[bytes]:
        """Stream the plain bytes from `offset` to the end, in chunks of at most 1 MiB.

        Raise TransportError if the server fails, CaptureError if the snapshot is not the one of the report.
        """
        ...

    def release(self) -> None:
        """Remove whatever the capture left on the server or here; releasing twice is no error."""
        ...
