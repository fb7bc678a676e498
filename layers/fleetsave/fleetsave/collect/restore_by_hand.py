"""The commands that restore a backup with nothing but standard tools, kept inside every record."""

import shlex

from fleetsave.model.keys import BackupKey
from fleetsave.model.kinds import Compression


def commands(bucket: str, endpoint: str | None, key: BackupKey, plain_sha256: str) -> list[str]:
    """Return shell commands that fetch, unpack, and check one backup of a SQLite database."""
    name = key.text.rpartition("/")[2]
    plain = name.removesuffix(".zst")
    where = f" --endpoint-url {shlex.quote(endpoint)}" if endpoint else ""
    steps = [f"aws s3 cp{where} s3://{bucket}/{key.text} {name}"]
    if key.compression is Compression.ZSTD:
        steps.append(f"zstd -d {name} -o {plain}")
    return [
        *steps,
        f"echo '{plain_sha256}  {plain}' | sha256sum --check",
        f"sqlite3 {plain} 'PRAGMA integrity_check'",
    ]
