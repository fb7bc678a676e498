"""Makes the empty cluster that a test-restore goes into, out of the programs of this machine, for a machine of either kind.

`python3 template.py --installation FOLDER --into FILE.tar.xz`. On Lambda initdb cannot be counted on: it gives up where its user
has no name, and needs a shell and the system's locales. The server asks for none of that. A cluster holds nothing of the
processor it was made on but its byte order and alignment, which x86_64 and aarch64 share.

What is in it: superuser `postgres`, UTF-8, the locale C.UTF-8 of PostgreSQL itself, no checksums. Whoever can reach its socket
enters, so that must be in a private folder. The standard library of Python 3.9 is enough.
"""

from __future__ import annotations

import argparse
import lzma
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

NOBODY = 65534

# A window wide enough to see that a new cluster's three databases are alike: 29 MB become 1 in a second.
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 16 << 20}]

OPTIONS = (
    "--username=postgres", "--auth=trust", "--encoding=UTF8",
    "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
    "--no-data-checksums", "--no-sync", "--no-instructions",
    "--wal-segsize=1",  # megabytes; a cluster begins with one segment
)  # fmt: skip

CONFIGURATION = {
    "postgresql.conf": "# Whoever starts the server says what it needs; nothing of the machine that made this is in here.\n",
    "pg_hba.conf": "local all postgres trust\n",
    "pg_ident.conf": "",
}


class TemplateError(Exception):
    """initdb did not do its work."""


def make_template(installation: Path, into: Path) -> None:
    """Write the archive of a new cluster's files. Raise TemplateError, with initdb's last words, if none can be made."""
    with TemporaryDirectory(prefix="fleetsave-template-") as folder:
        # initdb refuses root, and nobody must be able to reach the data.
        Path(folder).chmod(0o755)
        data = Path(folder, "data")
        data.mkdir(mode=0o700)
        other_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            os.chown(data, NOBODY, NOBODY)
            other_user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        command = [str(installation / "bin" / "initdb"), f"--pgdata={data}", *OPTIONS]
        environment = {"PATH": os.defpath, "LD_LIBRARY_PATH": str(installation / "lib"), "LC_ALL": "C", "TZ": "GMT"}
        done = subprocess.run(  # noqa: S603 - the program is our own
            command, env=environment, cwd=folder, capture_output=True, text=True, check=False, **other_user
        )
        if done.returncode != 0:
            raise TemplateError(f"initdb ended with {done.returncode}: {done.stderr[-2000:]}")
        for name, text in CONFIGURATION.items():
            (data / name).write_text(text)
        pack(data, into)


def pack(folder: Path, into: Path) -> None:
    """Write the contents of a folder into a .tar.xz: in order, of nobody in particular, from no time in particular."""
    into.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(into, "wb", filters=FILTERS) as file, tarfile.open(fileobj=file, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            member = archive.gettarinfo(path, str(path.relative_to(folder)))
            member.uid = member.gid = member.mtime = 0
            member.uname = member.gname = ""
            if member.isreg():
                with path.open("rb") as content:
                    archive.addfile(member, content)
            else:
                archive.addfile(member)


def main(arguments: list[str] | None = None) -> None:
    """Do what the command line says; end with a sentence on standard error if it cannot be done."""
    parser = argparse.ArgumentParser(description="Makes the empty cluster that a test-restore goes into.")
    parser.add_argument("--installation", type=Path, required=True, help="folder with bin, lib and share, for this machine")
    parser.add_argument("--into", type=Path, required=True, help="the archive, a .tar.xz")
    given = parser.parse_args(arguments)
    try:
        make_template(given.installation, given.into)
    except (TemplateError, OSError) as error:
        sys.exit(f"the cluster for test-restores cannot be made: {error}")


if __name__ == "__main__":
    main()
