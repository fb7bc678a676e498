"""A dump in memory."""

import hashlib
from collections.abc import Generator
from dataclasses import dataclass

from fleetsave.model.dumps import Block, DatabaseProperties, DumpReport, DumpText, GlobalsReport, SequenceValue
from fleetsave.model.errors import FleetsaveError
from fleetsave.model.fingerprints import Fingerprint
from fleetsave.model.kinds import DumpFormat

GLOBALS = b"CREATE ROLE game;\n"


@dataclass
class FakeDump:
    """Gives `content` in two pieces; `failure` comes after the first, where there is one."""

    content: bytes
    database: str = "game"
    format: DumpFormat = DumpFormat.PLAIN
    failure: FleetsaveError | None = None
    beside: bytes = GLOBALS

    def chunks(self) -> Generator[bytes]:
        half = len(self.content) // 2
        yield self.content[:half]
        if self.failure is not None:
            raise self.failure
        yield self.content[half:]

    def report(self, beside_key: str, sha256: str) -> DumpReport:
        return dump_report(self.content, self.database, beside_key, sha256, dump_format=self.format)


def dump_report(
    content: bytes, database: str, beside_key: str, sha256: str, *, dump_format: DumpFormat = DumpFormat.PLAIN
) -> DumpReport:
    """Return a whole report on a dump of one table with three rows."""
    block = Block(3, "1" * 64)
    return DumpReport(
        snapshot_id="20240101T120000/1:1:/1-1", method="pg_dump", format=dump_format, size=len(content), sha256=sha256,
        seconds=1.5, source_path=database, server_version="16.15", server_version_number=160015, tools_version="18.6",
        restrict_key="a1b2", database=DatabaseProperties("game", "UTF8", "libc", "C.UTF-8", "C.UTF-8", None, None, -1),
        database_size=8 << 20, bootstrap_superuser="postgres", text=DumpText(len(content), sha256, "2" * 64, {"public.t": block}),
        globals=GlobalsReport(beside_key, hashlib.sha256(GLOBALS).hexdigest(), len(GLOBALS)),
        sequences={"public.t_id_seq": SequenceValue(3, 1)}, extensions={"plpgsql": "1.0"}, tablespaces=[],
        fingerprint=Fingerprint({"public.t": 3}, "2" * 64),
    )  # fmt: skip
