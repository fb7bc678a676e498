"""The ports of a kind: a capture, one consistent snapshot and its stream; a source of them; and a restorer, the way back."""

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol, TypeVar

from fleetsave.model.archives import ArchiveOrder, ArchiveReport
from fleetsave.model.fleet import SqliteDatabase
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


Report_co = TypeVar("Report_co", bound=DumpReport | ArchiveReport, covariant=True)


class LiveStream(Protocol[Report_co]):
    """Something being written out from what its server holds meanwhile: read once, from the beginning to the end."""

    @property
    def beside(self) -> bytes:
        """Return what is stored beside it, known once all chunks were read.

        Of a dump: roles, tablespaces and the database's own settings, as SQL text without passwords. Of an archive: its manifest,
        compressed by zstd.
        """
        ...

    def chunks(self) -> Generator[bytes]:
        """Yield the plain bytes in chunks of at most 1 MiB.

        Comes to an end only if everything is in it: else CaptureError is raised, or TransportError.
        """
        ...

    def report(self, beside_key: str, sha256: str) -> Report_co:
        """Return how it was taken, after all of it was read; `sha256` is that of the chunks, hashed on their way.

        Raise CaptureError if that is not what the server hashed.
        """
        ...


LiveDump = LiveStream[DumpReport]
LiveArchive = LiveStream[ArchiveReport]


class ServerSource(Protocol):
    """Everything that can be captured on one game server, however it is reached.

    Raise CaptureError with its reason, or TransportError; `retryable` tells what may pass by itself. Used by one thread at a
    time.
    """

    def expand(self, database: SqliteDatabase) -> list[str]:
        """Return the paths a configured database means, sorted; only a glob looks at the server."""
        ...

    def capture(self, database: SqliteDatabase, source_path: str, name: str, *, scratch: Path) -> Capture:
        """Take a consistent snapshot of a live database under `name`; one of that name and path is returned as it is.

        `scratch` is a folder on our side for the few databases that cannot be frozen where they are.
        """
        ...

    def resume(self, name: str) -> Capture | None:
        """Return the frozen snapshot of an earlier run, None if it is not there whole."""
        ...

    def sweep(self, *, older_than: timedelta) -> list[str]:
        """Remove the frozen snapshots on the server that are older; return their names."""
        ...

    def open_archive(self, order: ArchiveOrder, should_stop: Callable[[], bool]) -> AbstractContextManager[LiveArchive]:
        """Lend an archive that is being made on the server; `should_stop` tells that the time is up, which refuses it.

        A configured database or folder that is missing refuses it; what cannot be read below a folder is named in its manifest.
        """
        ...

    def close(self) -> None:
        """Close whatever is open; closing twice is no error."""
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
