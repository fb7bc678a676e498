"""All that is asked of a dump of a PostgreSQL database: nothing of it is run before its bytes are proven to be those captured."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from fleetsave.checks import (
    checksum,
    dump_globals,
    dump_report,
    dump_text,
    postgres_counts,
    postgres_restore,
    postgres_round_trip,
)
from fleetsave.checks.checksum import ReadBack
from fleetsave.checks.dump_text import TextRead
from fleetsave.checks.postgres_database import RestoredDump
from fleetsave.model.dumps import DumpReport, GlobalsReport
from fleetsave.model.errors import ObjectNotFoundError, VerificationError
from fleetsave.model.kinds import DumpFormat
from fleetsave.model.records import Finding, Level, Outcome, StoredRecord
from fleetsave.postgres.encodings import codec
from fleetsave.postgres.globals import read_statements
from fleetsave.postgres.restoring import DamagedDumpError, archive_text
from fleetsave.postgres.scratch_cluster import ScratchUnavailableError, too_slow
from fleetsave.postgres.scratch_server import scratch_server
from fleetsave.store.base import ObjectStore
from fleetsave.store.decompress import plain_chunks
from fleetsave.verify.ports import Ports
from fleetsave.verify.read_back import Keep, read_back
from fleetsave.verify.scratch import let_servers_in, require_room
from fleetsave.verify.verdict import has_failed

_CLUSTER_SIZE = 160 << 20
"""Bytes of a server without data: 29 MiB of its own, the log of what it writes, and what it sorts on disk."""

_RESTORED = 1.3
"""How much a restored database may take of the disk, beside what it took at the source."""

_CHUNK = 1 << 20


def prove(record: StoredRecord, folder: Path, ports: Ports) -> tuple[list[Finding], ReadBack]:
    """Restore the dump into a throwaway server in `folder`, and return every finding; a failure ends the questions.

    Raise VerificationError if it does not fit into the disk, the memory or the time that is left.
    """
    dump = _Dump(record, folder / "stored", ports)
    need = record.stored_size + round(dump.report.database_size * _RESTORED) + _CLUSTER_SIZE
    require_room(folder, need, record.key)
    read = read_back(ports.store, record, dump.stored, keep=Keep.STORED)
    globals_content = _read_globals(dump.report.globals, ports.store)
    findings = [
        *checksum.check(record, read),
        *dump_report.check(record),
        *dump_globals.check(dump.report.globals, globals_content),
    ]
    if has_failed(findings):
        return findings, read
    try:
        text = dump_text.read(dump.text(), codec(dump.report.database.encoding))
    except DamagedDumpError as error:
        # It could be read when it was captured, and these are the same bytes.
        detail = f"pg_restore cannot read here what it has read at the capture: {error.cause}"
        return [*findings, Finding("dump_text", Outcome.INCONCLUSIVE, detail, Level.COMPLETE)], read
    findings += dump_text.check(dump.report, text)
    if not has_failed(findings):
        findings += _restored(dump, folder, text, globals_content or b"")
    return findings, read


class _Dump:
    """A stored dump as a file of ours."""

    def __init__(self, record: StoredRecord, stored: Path, ports: Ports) -> None:
        if not isinstance(record.capture, DumpReport):
            raise VerificationError("verify", record.key, "its record is not that of a dump", "Dump the database again.")
        self.report = record.capture
        self.stored = stored
        self.ports = ports
        self._record = record

    def plain(self) -> Iterator[bytes]:
        """Yield what pg_dump wrote."""
        yield from _in_time(plain_chunks(_chunks(self.stored), self._record.compression), self.ports.seconds_left)

    def text(self) -> Iterator[bytes]:
        """Yield the text that it is, or that it stands for."""
        if self.report.format is DumpFormat.PLAIN:
            return self.plain()
        return archive_text(self.ports.programs, self.plain(), self.report.restrict_key)


def _restored(dump: _Dump, folder: Path, text: TextRead, globals_content: bytes) -> list[Finding]:
    report, ports = dump.report, dump.ports
    let_servers_in(folder)
    try:
        with scratch_server(
            ports.programs, folder / "server", superuser=report.bootstrap_superuser, tables=len(report.text.blocks),
            seconds=ports.seconds_left(),
        ) as server:  # fmt: skip
            restored = RestoredDump(server, ports.programs, report, ports.seconds_left)
            return _judged(restored, dump, text, globals_content)
    except ScratchUnavailableError as error:
        detail = f"read to its end, but not restored: no PostgreSQL can run here: {error.cause}"
        return [Finding(postgres_restore.RESTORE, Outcome.INCONCLUSIVE, detail, Level.RESTORED)]


def _judged(restored: RestoredDump, dump: _Dump, text: TextRead, globals_content: bytes) -> list[Finding]:
    try:
        findings = postgres_restore.check(restored, read_statements(globals_content), dump.plain(), text.collations)
        if not postgres_restore.is_restored(findings):
            return findings
        restored.take_settings()
        return [*findings, *postgres_round_trip.check(restored, text), *postgres_counts.check(restored)]
    except psycopg.OperationalError as error:
        restored.raise_if_ours(str(error))
        raise VerificationError(
            "restore", restored.name, f"the throwaway PostgreSQL does not answer: {error}", "Verify it again."
        ) from error  # fmt: skip


def _read_globals(report: GlobalsReport, store: ObjectStore) -> bytes | None:
    """Return the object beside the dump, no more of it than shows that it is too large; None if there is none."""
    content = b""
    try:
        for chunk in store.read(report.key):
            content += chunk
            if len(content) > report.size:
                break
    except ObjectNotFoundError:
        return None
    return content


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _in_time(chunks: Iterator[bytes], seconds_left: Callable[[], float]) -> Iterator[bytes]:
    given = seconds_left()
    for chunk in chunks:
        if seconds_left() <= 0:
            raise too_slow(given)
        yield chunk
