"""The port `Restorer` for PostgreSQL: into a new database, checked there, then renamed into its place."""

from collections.abc import Callable, Iterator

from fleetsave.model.records import Finding, Level, Outcome
from fleetsave.model.recovery_records import Survey, SwapMethod, SwapReport
from fleetsave.sources.base import CopyReport
from fleetsave.sources.postgres import copy_checks, live_rows, making, standing, survey, swapping
from fleetsave.sources.postgres.recovery_context import Context
from fleetsave.sources.postgres.restore_refusals import restore_refusal

_COUNT_SECONDS = 60.0


class PostgresRestorer:
    """One dump on its way into one database; nothing is kept between calls but what the server's catalog says."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def survey(self) -> Survey:
        """Look at the server and at the database. Raise RestoreError if the server is not fit for the recovery."""
        return survey.look(self._context)

    def received(self) -> int:
        """Return the plain bytes that are restored: all of them, or, until they all are, none."""
        with self._context.sessions.beside() as session:
            whole = standing.read(session.connection, self._context.names).whole
        return self._context.plan.plain_size if self._is_the_backups(whole) else 0

    def receive(self, offset: int, chunks: Iterator[bytes], told: Callable[[int], None]) -> None:  # noqa: ARG002 - always all of it
        """Take all bytes onto our side, prove them, and only then restore them into the new database, made anew.

        `told` hears of both halves of the way as of one.
        """
        context, half = self._context, self._context.plan.plain_size // 2
        spool = making.take(context, chunks, lambda taken: told(taken // 2))
        try:
            with context.sessions.alone() as session:
                making.make(context, session, spool, lambda given: told(min(half + given // 2, context.plan.plain_size)))
        finally:
            spool.close()

    def check(self) -> CopyReport:
        """Compare the new database with the backup, down to a dump of its own."""
        context = self._context
        with context.sessions.beside() as session:
            found = standing.read(session.connection, context.names)
            if found.ours is None or found.whole is None or not self._is_the_backups(found.whole):
                raise restore_refusal(context.target, "no_copy", f"there is no database {context.names.new} that is whole")
            with context.sessions.to(session.login, found.ours.name) as inside:
                findings, fingerprint = copy_checks.compare(context, inside)
        size, sha256 = found.whole
        proven = Finding("checksum", Outcome.PASSED, f"sha256 {sha256} of {size} bytes before they were restored", Level.CHECKSUM)
        return CopyReport(sha256, size, [proven, *findings], fingerprint)

    def swap(self, method: SwapMethod, *, keep_aside: bool) -> SwapReport:  # noqa: ARG002 - what was there is always kept
        """Rename the new database into its place, and what was there out of it, in one transaction."""
        with self._context.sessions.alone() as session:
            return swapping.swap(self._context, session, method)

    def verify(self) -> list[Finding]:
        """Look at the database where it lives, with the applications using it again."""
        context = self._context
        with context.sessions.beside() as session:
            found = standing.read(session.connection, context.names)
            if not found.is_swapped:
                return [Finding("place", Outcome.FAILED, f"{context.names.live} is not the restored database", Level.RESTORED)]
            with context.sessions.to(session.login, context.names.live) as inside:
                seconds = min(_COUNT_SECONDS, max(1.0, context.seconds_left() / 4))
                counted = live_rows.count(inside.connection, seconds)
                return [
                    Finding("place", Outcome.PASSED, f"{context.names.live} is the restored database", Level.RESTORED),
                    copy_checks.indexes(inside.connection),
                    *_live_counts(context, counted),
                ]

    def roll_back(self) -> str:
        """Rename both databases back, in one transaction."""
        with self._context.sessions.alone() as session:
            return swapping.roll_back(self._context, session)

    def clean_up(self) -> None:
        """Drop the new database if it did not take its place, and take our mark from it if it did."""
        with self._context.sessions.alone() as session:
            making.drop(self._context, session)
            swapping.finish(self._context, session)

    def _is_the_backups(self, whole: tuple[int, str] | None) -> bool:
        return whole == (self._context.plan.plain_size, self._context.plan.plain_sha256)


def _live_counts(context: Context, counted: live_rows.LiveRows) -> Iterator[Finding]:
    """Compare tables and rows; applications may have written since, and do not drop tables by themselves."""
    then = context.rows_then
    gone = sorted(then.keys() - counted.rows.keys())
    if gone:
        yield Finding("tables", Outcome.FAILED, f"not there: {copy_checks.shorten(gone)}", Level.EQUAL_TO_SOURCE)
        return
    yield Finding("tables", Outcome.PASSED, f"all {len(then)} tables of the backup are there", Level.EQUAL_TO_SOURCE)
    exact = {name: rows for name, rows in counted.rows.items() if name not in counted.estimated}
    moved = [
        f"{name} has {rows}, {then.get(name, 'no table')} in the backup"
        for name, rows in sorted(exact.items())
        if then.get(name) != rows
    ]
    if len(exact) < len(counted.rows):
        missing = len(counted.rows) - len(exact)
        yield Finding("row_counts", Outcome.SKIPPED, f"{missing} tables could not be counted in time", Level.EQUAL_TO_SOURCE)
    elif moved:
        detail = f"{copy_checks.shorten(moved)}; applications have written since"
        yield Finding("row_counts", Outcome.PASSED, detail, Level.EQUAL_TO_SOURCE)
    else:
        detail = f"{sum(exact.values())} rows in {len(exact)} tables, as in the backup"
        yield Finding("row_counts", Outcome.PASSED, detail, Level.EQUAL_TO_SOURCE)
