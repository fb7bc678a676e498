"""The commands that restore a backup with nothing but standard tools, kept inside every record."""

import shlex

from fleetsave.model.keys import BackupKey
from fleetsave.model.kinds import Compression, DumpFormat
from fleetsave.model.records import ArchiveReport, CaptureReport, DumpReport

_KNOWS_TRANSACTION_TIMEOUT = 17
"""Major version from which on servers know `transaction_timeout`, which pg_dump writes at the head of every dump."""


def commands(bucket: str, endpoint: str | None, key: BackupKey, report: CaptureReport | DumpReport | ArchiveReport) -> list[str]:
    """Return shell commands that fetch, unpack, check and open one backup; none of them touches what is there."""
    name = key.text.rpartition("/")[2]
    plain = name.removesuffix(".zst")
    steps = [_fetch(bucket, endpoint, key.text)]
    if isinstance(report, ArchiveReport):
        return [*steps, *_unpack(name, plain, report, key.compression)]
    if key.compression is Compression.ZSTD:
        steps.append(f"zstd -d {name} -o {plain}")
    steps.append(f"echo '{report.sha256}  {plain}' | sha256sum --check")
    if isinstance(report, CaptureReport):
        return [*steps, f"sqlite3 {plain} 'PRAGMA integrity_check'"]
    return [*steps, *_restore_dump(bucket, endpoint, plain, report)]


def _unpack(name: str, plain: str, report: ArchiveReport, compression: Compression) -> list[str]:
    """Return how an archive gets into a new folder; what to do with it there is told by the runbook."""
    read, folder = "zstd -dc" if compression is Compression.ZSTD else "cat", plain.removesuffix(".tar")
    return [
        f"test \"$({read} {name} | sha256sum)\" = '{report.sha256}  -' && echo whole",
        f"mkdir {folder} && {read} {name} | tar -x -p --numeric-owner --xattrs --xattrs-include='*' -C {folder}",
    ]


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
    return [
        _fetch(bucket, endpoint, report.globals.key),
        f"# on a server without its roles, before the rest: psql -X -d postgres -f {globals_name}",
        f"{create} {name}",
        _fill(plain, name, report),
    ]


def _fill(plain: str, name: str, report: DumpReport) -> str:
    """Return what restores a dump into a server of the version it came from; older ones do not know one setting at its head."""
    psql = f"psql -X -q -v ON_ERROR_STOP=1 -d {name}"
    if report.server_major >= _KNOWS_TRANSACTION_TIMEOUT:
        return f"{psql} -f {plain}" if report.format is DumpFormat.PLAIN else f"pg_restore --exit-on-error -d {name} {plain}"
    without = "sed '1,40{/^SET transaction_timeout = 0;$/d}'"
    if report.format is DumpFormat.PLAIN:
        return f"{without} {plain} | {psql}"
    return f"pg_restore -f - {plain} | {without} | {psql}"
