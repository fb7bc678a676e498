"""How pg_dump is called: at the source, and on a restored copy that is to give the very same text."""

import secrets

from fleetsave.model.kinds import DumpFormat
from fleetsave.postgres.programs import Programs

_KEY_BYTES = 24


def new_restrict_key() -> str:
    """Return a key for psql's `\\restrict`: nobody who writes into a database can know it (CVE-2025-8714)."""
    return secrets.token_hex(_KEY_BYTES)


def dump_command(
    programs: Programs,
    database: str,
    dump_format: DumpFormat,
    restrict_key: str,
    *,
    snapshot: str | None = None,
    lock_timeout: float = 60,
) -> list[str]:
    """Return the command that writes a dump to its standard output; it takes server and account from its environment.

    `database` is what `--dbname` takes, `snapshot` one that another session has exported, `lock_timeout` the seconds it waits
    for a table that somebody has locked. An archive holds no key: it gets one when it is turned into text.
    """
    command = [
        programs.path("pg_dump"),
        "--no-password",
        f"--dbname={database}",
        f"--format={dump_format.value}",
        f"--lock-wait-timeout={round(lock_timeout * 1000)}",
    ]
    if dump_format is DumpFormat.PLAIN:
        command.append(f"--restrict-key={restrict_key}")
    else:
        command.append("--compress=zstd:1")  # smaller than gzip's default at a seventh of its time
    return command if snapshot is None else [*command, f"--snapshot={snapshot}"]
