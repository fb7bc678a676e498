"""The commands that restore a backup with nothing but standard tools, kept inside every record."""

import shlex

from fleetsave.model.keys import BackupKey
from fleetsave.model.kinds import Compression, DumpFormat
from fleetsave.model.records import CaptureReport, DumpReport


def commands(bucket: str, endpoint: str | None, key: BackupKey, report: CaptureReport | DumpReport) -> list[str]:
    """Return shell commands that fetch, unpack, check and open one backup; none of them touches what is there."""
    name = key.text.rpartition("/")[2]
    plain = name.removesuffix(".zst")
    steps = [_fetch(bucket, endpoint, key.text)]
    if key.compression is Compression.ZSTD:
        steps.append(f"zstd -d {name} -o {plain}")
    steps.append(f"echo '{report.sha256}  {plain}' | sha256sum --check")
    if isinstance(report, CaptureReport):
        return [*steps, f"sqlite3 {plain} 'PRAGMA integrity_check'"]
    return [*steps, *_restore_dump(bucket, endpoint, plain, report)]


def _fetch(bucket: str, endpoint: str | None, key: str) -> str:
    where = f" --endpoint-url {shlex.quote(endpoint)}" if endpoint else ""
    return f"aws s3 cp{where} s3://{bucket}/{key} {key.rpartition('/')[2]}"


def _restore_dump(bucket: str, endpoint: str | None, plain: str, report: DumpReport) -> list[str]:
    """Return how a dump gets into a new database beside the one it came from, with the programs of the layer's version."""
    name = shlex.quote(f"{report.source_path}_restored")
    database = report.database
    create = f"createdb --template=template0 --encoding={database.encoding}"
    if database.provider == "libc":
        create += f" --lc-collate={shlex.quote(database.collate)} --lc-ctype={shlex.quote(database.ctype)}"
    globals_name = report.globals.key.rpartition("/")[2]
    into = "psql -X -q -v ON_ERROR_STOP=1" if report.format is DumpFormat.PLAIN else "pg_restore --exit-on-error"
    file = f"-f {plain}" if report.format is DumpFormat.PLAIN else plain
    return [
        _fetch(bucket, endpoint, report.globals.key),
        f"# on a server without its roles, before the rest: psql -X -d postgres -f {globals_name}",
        f"{create} {name}",
        f"{into} -d {name} {file}",
    ]
