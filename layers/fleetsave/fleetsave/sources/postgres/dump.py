"""A dump that is under way: one snapshot, what the server says inside it, and pg_dump's output as a stream."""

import hashlib
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

import psycopg

from fleetsave.model.dumps import DatabaseProperties, DumpReport, GlobalsReport, SequenceValue
from fleetsave.model.errors import VerificationError
from fleetsave.model.fingerprints import Fingerprint
from fleetsave.model.fleet_postgresql import Postgresql, PostgresqlDatabase
from fleetsave.postgres import database as database_section
from fleetsave.postgres.dumping import dump_command, new_restrict_key
from fleetsave.postgres.encodings import codec
from fleetsave.postgres.login import Login
from fleetsave.postgres.process import PostgresProcess
from fleetsave.postgres.programs import MAJOR, Programs
from fleetsave.sources.postgres import facts, refusals
from fleetsave.sources.postgres.reading import DumpReading

OLDEST_MAJOR = 14
_LOOK_EVERY = 0.5
"""Seconds between two looks at whether the dump has run out of time."""


@dataclass(frozen=True)
class Facts:
    """What the server said inside the snapshot."""

    server: facts.Server
    properties: DatabaseProperties
    database_size: int
    extensions: dict[str, str]
    tablespaces: list[str]
    sequences: dict[str, SequenceValue]
    row_counts: dict[str, int] | None
    checks: dict[str, list[str | int | float | None]]
    codec: str


class Dump:
    """One dump; `chunks` is read once, to its end, and then `report` tells what it came to.

    `beside` is what belongs beside it: roles, tablespaces and the database's own settings, without passwords.
    """

    def __init__(
        self,
        login: Login,
        programs: Programs,
        database: PostgresqlDatabase,
        given: Facts,
        lock_timeout: float,
        clock: "_Clock",
    ) -> None:
        self.beside = b""
        self._login = login
        self._programs = programs
        self._database = database
        self._facts = given
        self._lock_timeout = lock_timeout
        self._restrict_key = new_restrict_key()
        self._clock = clock
        self._reading = DumpReading(programs, database.format, self._restrict_key, given.codec)

    def chunks(self) -> Generator[bytes]:
        """Yield what pg_dump writes, in chunks of at most 1 MiB.

        It ends only if pg_dump ended well, its text has its end, and every table has the rows that were counted in the snapshot;
        else it raises CaptureError.
        """
        command = dump_command(
            self._programs, self._login.child_database, self._database.format, self._restrict_key,
            snapshot=self._facts.server.snapshot, lock_timeout=self._lock_timeout,
        )  # fmt: skip
        with self._login.for_child() as (variables, descriptors):
            process = PostgresProcess(command, self._programs.environment(variables), descriptors=descriptors)
        with process, self._clock.ends(process.kill):
            try:
                for chunk in process.chunks():
                    self._reading.feed(chunk)
                    yield chunk
                status = process.wait()
                self._clock.require_time(self._login, self._reading.size)
                if status != 0:
                    raise refusals.refusal(self._login, "dump", process.errors or f"pg_dump ended with status {status}")
                self._finish()
            except VerificationError as error:
                raise refusals.incomplete(self._login, f"pg_restore cannot read the archive: {error.cause}") from error
            finally:
                self._reading.abandon()

    def report(self, beside_key: str, sha256: str) -> DumpReport:
        """Return how the dump was taken, once all of it has been read; `sha256` is that of the chunks, hashed on their way."""
        given, text = self._facts, self._reading.text(sha256)
        fingerprint = None
        if given.row_counts is not None:
            fingerprint = Fingerprint(given.row_counts, text.schema_sha256, given.checks, dict(self._database.checks))
        return DumpReport(
            snapshot_id=given.server.snapshot_id,
            method="pg_dump",
            format=self._database.format,
            size=self._reading.size,
            sha256=sha256,
            seconds=round(self._clock.seconds, 3),
            source_path=self._database.database,
            server_version=given.server.version,
            server_version_number=given.server.number,
            tools_version=program_version(self._programs),
            restrict_key=self._restrict_key,
            database=given.properties,
            database_size=given.database_size,
            bootstrap_superuser=given.server.bootstrap_superuser,
            text=text,
            globals=GlobalsReport(beside_key, hashlib.sha256(self.beside).hexdigest(), len(self.beside)),
            sequences=given.sequences,
            extensions=given.extensions,
            tablespaces=given.tablespaces,
            fingerprint=fingerprint,
        )

    def _finish(self) -> None:
        self._reading.finish()
        if not self._reading.is_complete:
            raise refusals.incomplete(self._login, "pg_dump ended with status 0, and its text does not end as a whole dump does")
        found_rows = self._reading.rows
        for table, rows in (self._facts.row_counts or {}).items():
            dumped = found_rows.get(table)
            if dumped != rows:
                found = "is not in the dump" if dumped is None else f"has {dumped} rows in the dump"
                raise refusals.incomplete(self._login, f"{table} {found}, and {rows} were counted in its snapshot")


@contextmanager
def begin(
    login: Login, programs: Programs, postgresql: Postgresql, database: PostgresqlDatabase, should_stop: Callable[[], bool]
) -> Iterator[Dump]:
    """Open one snapshot, ask the server everything inside it, and lend the dump; the snapshot is held until the end.

    `should_stop` tells that the time is up, before the database's own deadline. Raise CaptureError with its reason. Nothing is
    written anywhere.
    """
    clock = _Clock(database.deadline.total_seconds(), should_stop)
    lock_timeout = postgresql.lock_timeout.total_seconds()
    with ExitStack() as cleanup:
        try:
            connection = cleanup.enter_context(closing(login.connect(autocommit=True)))
            connection.execute(f"SET lock_timeout = {round(lock_timeout * 1000)}")
            with clock.ends(connection.cancel):
                given = _ask(connection, login, database)
        except psycopg.Error as error:
            clock.require_time(login, 0)
            raise refusals.refusal(login, "ask", str(error)) from None
        dump = Dump(login, programs, database, given, lock_timeout, clock)
        dump.beside = _globals(login, programs, database, given.properties, clock)
        yield dump


def program_version(programs: Programs) -> str:
    """Return the version of pg_dump, e.g. 18.6. Raise ConfigurationError if it does not run."""
    with PostgresProcess([programs.path("pg_dump"), "--version"], programs.environment()) as process:
        said = b"".join(process.chunks()).decode()
    return said.split()[2]


def _ask(connection: facts.Connection, login: Login, database: PostgresqlDatabase) -> Facts:
    major = connection.info.server_version // 10_000
    if not OLDEST_MAJOR <= major <= MAJOR:
        version = connection.info.parameter_status("server_version") or str(major)
        raise refusals.wrong_version(login, version, too_new=major > MAJOR)
    server = facts.begin(connection)
    properties, size = facts.database_properties(connection)
    return Facts(
        server=server,
        properties=properties,
        database_size=size,
        extensions=facts.extensions(connection),
        tablespaces=facts.tablespaces(connection),
        sequences=facts.sequences(connection),
        row_counts=facts.row_counts(connection) if database.fingerprint else None,
        checks=facts.owner_checks(connection, login, database.checks),
        codec=codec(properties.encoding),
    )


def _globals(
    login: Login, programs: Programs, database: PostgresqlDatabase, properties: DatabaseProperties, clock: "_Clock"
) -> bytes:
    """Return roles and tablespaces as pg_dumpall writes them, and the database itself. Raise CaptureError."""
    command = [
        programs.path("pg_dumpall"), "--no-password", "--globals-only", "--no-role-passwords",
        f"--dbname={login.child_database}", f"--lock-wait-timeout={round(database.deadline.total_seconds() * 1000)}",
    ]  # fmt: skip
    with login.for_child() as (variables, descriptors):
        process = PostgresProcess(command, programs.environment(variables), descriptors=descriptors)
    with process, clock.ends(process.kill):
        text = b"".join(process.chunks())
        status = process.wait()
        clock.require_time(login, 0)
        if status != 0 or b"-- PostgreSQL database cluster dump complete" not in text[-400:]:
            raise refusals.refusal(login, "dump the globals of", process.errors or f"pg_dumpall ended with status {status}")
    return text + database_section.section(database.database, properties).encode()


class _Clock:
    """The time a whole dump may take, in seconds; `should_stop` may end it sooner."""

    def __init__(self, seconds: float, should_stop: Callable[[], bool]) -> None:
        self._started = time.monotonic()
        self._limit = seconds
        self._should_stop = should_stop
        self._is_late = threading.Event()

    @property
    def seconds(self) -> float:
        """Return how long it has taken."""
        return time.monotonic() - self._started

    def require_time(self, login: Login, size: int) -> None:
        """Raise CaptureError if the time was up, `size` bytes into the dump."""
        if self._is_late.is_set():
            raise refusals.too_slow(login, self.seconds, size)

    @contextmanager
    def ends(self, end: Callable[[], None]) -> Iterator[None]:
        """Call `end` if the time is up before the block is over."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(_LOOK_EVERY):
                if self.seconds >= self._limit or self._should_stop():
                    self._is_late.set()
                    end()
                    return

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
