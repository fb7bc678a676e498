"""A dump on its way back: fed to the program that restores it, or turned from an archive into the text it stands for.

What a program has not been given it takes for the end, and would keep the half that it has: whoever cannot go on feeding it
kills it first. A restore goes into a database of its own for that reason, never over one that is in use.
"""

import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fleetsave.model.errors import VerificationError
from fleetsave.model.kinds import DumpFormat
from fleetsave.postgres.guarding import guarded
from fleetsave.postgres.process import PostgresProcess
from fleetsave.postgres.programs import Programs

_SHOWN = 600
"""Characters of a program's last words that an error keeps."""


class DamagedDumpError(VerificationError):
    """An archive cannot be read to its end: it is cut short, altered, or none of pg_dump's.

    Like DamagedStreamError this is a finding about the backup: reading it again gives the same.
    """


@dataclass(frozen=True)
class RestoreResult:
    """What became of a restore.

    `status` is the program's exit status, negative for a signal's number; `errors` the end of what it said; `size` the bytes
    that it was given. `timed_out` tells that we killed it at the deadline, `ended_early` that it ended before it had all.
    """

    status: int
    errors: str
    size: int
    ended_early: bool
    timed_out: bool

    @property
    def succeeded(self) -> bool:
        """Tell whether the program took everything and reported success."""
        return self.status == 0 and not self.ended_early and not self.timed_out


def restore(
    programs: Programs,
    variables: Mapping[str, str],
    descriptors: Sequence[int],
    database: str,
    chunks: Iterator[bytes],
    dump_format: DumpFormat,
    *,
    seconds: float,
    as_user: int | None = None,
    told: Callable[[int], None] | None = None,
) -> RestoreResult:
    """Restore a dump's plain bytes into an empty database, and return what became of it; a failure is no exception.

    `variables` and `descriptors` are those of `Login.for_child`, `database` is what `--dbname` takes, `seconds` the time it may
    take, `as_user` the number of the account that the program runs as. `told` is called with the bytes given so far. What
    `chunks` or `told` raises goes through once the program is killed.
    """
    command = restore_command(programs, database, dump_format)
    chunks = guarded(chunks) if dump_format is DumpFormat.PLAIN else chunks
    with (
        PostgresProcess(
            command,
            programs.environment(variables),
            descriptors=descriptors,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            as_user=as_user,
        ) as process,
        Deadline(process, seconds) as deadline,
    ):
        size, ended_early = _feed(process, chunks, told)
        status = process.wait()
        return RestoreResult(status, process.errors, size, ended_early, deadline.has_struck)


def restore_command(programs: Programs, database: str, dump_format: DumpFormat) -> list[str]:
    """Return the command that restores a dump from its standard input: all of it or, as far as the dump lets it, nothing.

    A plain dump with large objects has transactions of its own, which no option takes away.
    """
    if dump_format is DumpFormat.CUSTOM:
        return [
            programs.path("pg_restore"), "--no-password", f"--dbname={database}", "--exit-on-error", "--single-transaction",
        ]  # fmt: skip
    return [
        programs.path("psql"), "--no-password", f"--dbname={database}", "--no-psqlrc", "--quiet", "--output=/dev/null",
        "--set=ON_ERROR_STOP=1", "--single-transaction", "--file=-",
    ]  # fmt: skip


def archive_text(programs: Programs, chunks: Iterator[bytes], restrict_key: str) -> Iterator[bytes]:
    """Yield the text of an archive of custom format: the very bytes that pg_dump writes as a plain dump with this key.

    Raise DamagedDumpError if pg_restore cannot read it to its end; what `chunks` raises goes through. Neither reads ahead of
    the other by more than a pipe holds.
    """
    command = [programs.path("pg_restore"), f"--restrict-key={restrict_key}", "--file=-"]
    with PostgresProcess(command, programs.environment(), stdin=subprocess.PIPE) as process:
        feeder = _Feeder(process, chunks)
        try:
            yield from process.chunks()
            status = process.wait()
        finally:
            process.kill()  # so that the feeder, if nobody wants the rest, meets a closed pipe
            feeder.join()
        if feeder.error is not None:
            raise feeder.error
        if status != 0 or feeder.ended_early:
            raise DamagedDumpError(
                "read archive", "dump", f"pg_restore ended with {status}: {last_words(process.errors)}", "Use another backup."
            )  # fmt: skip


def last_words(errors: str) -> str:
    """Return the end of what a program said, on one line."""
    said = " ".join(errors.split()) or "it said nothing"
    return said if len(said) <= _SHOWN else f"... {said[-_SHOWN:]}"


def _feed(process: PostgresProcess, chunks: Iterator[bytes], told: Callable[[int], None] | None = None) -> tuple[int, bool]:
    """Give a program everything, and return how much it was and whether it ended before. Kill it for whatever is raised."""
    size = 0
    try:
        for chunk in chunks:
            if not _write(process, chunk):
                return size, True
            size += len(chunk)
            if told is not None:
                told(size)
        process.stdin.close()
    except BaseException:
        process.kill()
        raise
    return size, False


def _write(process: PostgresProcess, chunk: bytes) -> bool:
    """Give a program all of a chunk; False if it takes nothing any more: why, it says itself."""
    left = memoryview(chunk)
    try:
        while left:
            left = left[process.stdin.write(left) :]
    except BrokenPipeError:
        return False
    return True


class _Feeder(threading.Thread):
    """Feeds a program while somebody else reads what it writes."""

    def __init__(self, process: PostgresProcess, chunks: Iterator[bytes]) -> None:
        super().__init__(daemon=True)
        self.error: BaseException | None = None
        self.ended_early = False
        self._process = process
        self._chunks = chunks
        self.start()

    def run(self) -> None:
        """Feed it to the end, and keep what is raised for the reader."""
        try:
            _, self.ended_early = _feed(self._process, self._chunks)
        except BaseException as error:  # noqa: BLE001 - the reader raises it
            self.error = error


class Deadline:
    """Kills a program when its time is up, whatever we are waiting for then."""

    def __init__(self, process: PostgresProcess, seconds: float) -> None:
        self.has_struck = False
        self._process = process
        self._timer = threading.Timer(max(seconds, 0), self._strike)

    def __enter__(self) -> "Deadline":
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()

    def _strike(self) -> None:
        if not self._process.has_ended:
            self.has_struck = True
            self._process.kill()
