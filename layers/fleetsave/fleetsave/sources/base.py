"""The ports of a kind: a capture, one consistent snapshot and the stream of it; and a restorer, the way back."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Protocol

from fleetsave.model.records import CaptureReport, DumpReport, Finding, Fingerprint
from fleetsave.model.recovery_records import Survey, SwapMethod, SwapReport


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


class LiveDump(Protocol):
    """A database being written out from a snapshot that its server holds meanwhile: read once, from the beginning to the end.

    `globals_text` is what belongs beside it, and to no database: roles and tablespaces.
    """

    @property
    def globals_text(self) -> bytes:
        """Return roles, tablespaces and the database's own settings, as SQL text without passwords."""
        ...

    def chunks(self) -> Generator[bytes]:
        """Yield the dump in chunks of at most 1 MiB.

        Comes to an end only if everything is in it: else CaptureError is raised.
        """
        ...

    def report(self, globals_key: str, sha256: str) -> DumpReport:
        """Return how the dump was taken, after all of it was read; `sha256` is that of the chunks, hashed on their way."""
        ...


@dataclass(frozen=True)
class CopyReport:
    """What the server says of the copy that lies beside the target: the findings of its checks, and what it holds."""

    sha256: str
    size: int
    findings: list[Finding]
    fingerprint: Fingerprint


class Restorer(Protocol):
    """One backup on its way into one target on one server.

    Everything but `swap`, `roll_back` and `clean_up` leaves the target as it is. Every method may be called again after it
    was cut off, by another process too, and then goes on or says what an earlier call came to. Raise RestoreError with its
    reason, or TransportError; `retryable` tells what may pass by itself.
    """

    def survey(self) -> Survey:
        """Look at the target and its disk; nothing is written."""
        ...

    def received(self) -> int:
        """Return how many plain bytes of the copy the server has."""
        ...

    def receive(self, offset: int, chunks: Iterator[bytes], told: Callable[[int], None]) -> None:
        """Write the copy's bytes from `offset` on, after what is there up to it; `told` hears up to where they are sent.

        `chunks` may end early: what arrived stays, and `received` tells how much that is.
        """
        ...

    def check(self) -> CopyReport:
        """Look at the whole copy: digest, integrity, fingerprint."""
        ...

    def swap(self, method: SwapMethod, *, keep_aside: bool) -> SwapReport:
        """Let the copy take the target's place, after what is there has been kept for `roll_back`.

        `keep_aside` tells whether a set that is moved aside stays there for good, where no backup of it could be made.
        """
        ...

    def verify(self) -> list[Finding]:
        """Check the target where it lives, with the programs that use it running."""
        ...

    def roll_back(self) -> str:
        """Bring back what `swap` replaced, and say in a sentence what was done; without a swap there is nothing to do."""
        ...

    def clean_up(self) -> None:
        """Remove everything of this recovery from the server, but for what `SwapReport.kept` names."""
        ...
