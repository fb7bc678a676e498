"""A dump restored into a throwaway server: nobody vouches for what is in it, and all that is asked of it has a deadline."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import ExecStatus

from fleetsave.model.dumps import DumpReport
from fleetsave.model.errors import VerificationError
from fleetsave.model.kinds import DumpFormat
from fleetsave.model.records import Finding, Level, Outcome
from fleetsave.postgres.dumping import dump_command
from fleetsave.postgres.lacks import classify, has_crashed, is_disk_full
from fleetsave.postgres.names import identifier
from fleetsave.postgres.process import PostgresProcess
from fleetsave.postgres.programs import Programs
from fleetsave.postgres.restoring import Deadline, RestoreResult, last_words, restore
from fleetsave.postgres.scratch_cluster import disk_full, too_slow
from fleetsave.postgres.scratch_server import ScratchServer
from fleetsave.postgres.session import encoded

Row = tuple[Any, ...]

_PRELOAD = "_preload_libraries"
_FLOATS = (700, 701)
"""Type numbers of real and double precision."""


class RestoredDump:
    """The database of one dump in a throwaway server; `name` is that of the source.

    `seconds_left` tells how long all of this may still take: VerificationError is raised when it is over, when the disk is full,
    and when the server crashes. None of these says anything of the backup.
    """

    def __init__(
        self, server: ScratchServer, programs: Programs, report: DumpReport, seconds_left: Callable[[], float]
    ) -> None:  # fmt: skip
        self.server = server
        self.report = report
        self.name = report.source_path
        self._programs = programs
        self._seconds_left = seconds_left

    def restore(self, chunks: Iterator[bytes]) -> RestoreResult:
        """Restore the dump's bytes into the database."""
        variables, seconds = self.server.variables(self.name), self._seconds_left()
        result = restore(
            self._programs,
            variables,
            (),
            self._conninfo,
            chunks,
            self.report.format,
            seconds=seconds,
            as_user=self.server.as_user,
        )
        if result.timed_out:
            raise too_slow(seconds)
        if not result.succeeded:
            self.raise_if_ours(result.errors)
        return result

    def query(self, sql: str) -> list[Row]:
        """Return the rows of one statement. Raise psycopg.Error for what PostgreSQL refuses."""
        with self._asked() as connection:
            return connection.execute(sql).fetchall()

    def first_row(self, sql: str) -> list[tuple[str | None, bool]]:
        """Run one of the owner's statements, and return its first row: each value as text, and whether its type is a float.

        It may not write. Raise psycopg.Error for what PostgreSQL refuses, or if there is no row.
        """
        with self._asked() as connection:
            connection.execute("BEGIN READ ONLY")
            # This way it can be one statement only.
            answer = connection.pgconn.exec_params(encoded(sql.strip().rstrip(";"), connection), [])
            encoding = connection.info.encoding
            if answer.status != ExecStatus.TUPLES_OK:
                raise psycopg.errors.error_from_result(answer, encoding=encoding)
            if not answer.ntuples:
                raise psycopg.DataError("it gives no row")
            cells = [(answer.get_value(0, column), answer.ftype(column)) for column in range(answer.nfields)]
            return [(None if cell is None else cell.decode(encoding, "backslashreplace"), oid in _FLOATS) for cell, oid in cells]

    def dumped_again(self) -> Iterator[bytes]:
        """Yield the text of a dump of the database, taken just as the source's was. Raise psycopg.Error if it cannot be taken."""
        command = dump_command(self._programs, self._conninfo, DumpFormat.PLAIN, self.report.restrict_key)
        environment = self._programs.environment(self.server.variables(self.name))
        seconds = self._seconds_left()
        with (
            PostgresProcess(command, environment, as_user=self.server.as_user) as process,
            Deadline(process, seconds) as deadline,
        ):
            yield from process.chunks()
            status = process.wait()
            if deadline.has_struck:
                raise too_slow(seconds)
            if status != 0:
                self.raise_if_ours(process.errors)
                raise psycopg.DatabaseError(f"pg_dump: {last_words(process.errors)}")

    def take_settings(self) -> None:
        """Give the database's sessions what the source's were set to: pg_dump and the owner's statements ran under it.

        What cannot be set here is left: a library that is not here would let nobody in.
        """
        for setting in self.report.database.settings:
            if _PRELOAD not in setting:
                with self.server.connect() as connection, suppress(psycopg.Error):
                    connection.execute(f"ALTER DATABASE {identifier(self.name)} {setting}")

    def raise_if_ours(self, words: str) -> None:
        """Raise VerificationError if what PostgreSQL said is about this machine, not about the dump."""
        if is_disk_full(words):
            raise disk_full(last_words(words))
        if has_crashed(words) or self.server.has_ended:
            said = last_words(f"{words} {self.server.words}")
            raise VerificationError(
                "restore", self.name, f"the throwaway PostgreSQL gave up: {said}", "Give the verify function more memory."
            )

    @property
    def _conninfo(self) -> str:
        return make_conninfo(dbname=self.name)

    @contextmanager
    def _asked(self) -> Iterator[psycopg.Connection[Any]]:
        """Lend a session whose statement is ended when the time is up."""
        seconds = self._seconds_left()
        if seconds <= 0:
            raise too_slow(seconds)
        try:
            with self.server.connect(self.name) as connection:
                connection.execute(f"SET statement_timeout = {math.ceil(seconds * 1000)}")
                yield connection
        except psycopg.errors.QueryCanceled:
            raise too_slow(seconds) from None
        except psycopg.OperationalError as error:
            self.raise_if_ours(str(error))
            raise


def guarded(name: str, level: Level, ask: Callable[[], Finding]) -> Finding:
    """Ask, and make a finding of what PostgreSQL refuses: inconclusive where something is lacking here, else failed."""
    try:
        return ask()
    except psycopg.Error as error:
        lack = classify(f"ERROR:  {error}")
        if lack is not None:
            return Finding(name, Outcome.INCONCLUSIVE, f"it cannot be asked here: {lack}", level)
        return Finding(name, Outcome.FAILED, f"PostgreSQL: {last_words(str(error))}", level)
