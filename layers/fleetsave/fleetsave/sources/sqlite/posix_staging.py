"""The folder of frozen snapshots on a server without Python: the same files as the on-server script keeps."""

import json
import re
from datetime import timedelta
from typing import Any

from fleetsave.model.errors import RemoteFileError
from fleetsave.sources.sqlite.refusals import refusal
from fleetsave.sources.sqlite.server_side.staging import ENDINGS
from fleetsave.sources.sqlite.shell import Shell, complaint

_NAME = re.compile(r"[a-z0-9_-]{1,200}")
_ROOM = 1.2


class PosixStaging:
    """Found or made at once. Raise CaptureError if it is not a folder that only we can write."""

    def __init__(self, shell: Shell, path: str | None, *, make: bool = False) -> None:
        self._shell = shell
        user = shell.do(["id", "-u"]).strip()
        self.path = path or f"/var/tmp/fleetsave-{user}"  # noqa: S108 - whose it is is looked at
        if make:
            self._make()
        described = shell.run(["stat", "-c", "%u %a %F", "--", self.path])
        self.exists = not described.status
        if self.exists:
            owner, mode, kind = described.output.decode().strip().split(" ", 2)
            if owner != user or kind != "directory" or int(mode, 8) & 0o022:
                raise refusal(shell.target, "unsafe_staging", f"{self.path} is not a folder that only we can write")

    def _make(self) -> None:
        result = self._shell.run(["mkdir", "-m", "700", "--", self.path])
        if result.status and "File exists" not in complaint(result):
            raise refusal(self._shell.target, "no_staging", complaint(result))

    def file(self, name: str, ending: str) -> str:
        """Return the path of one of a snapshot's files."""
        return f"{self.path}/{name}{ending}"

    def find(self, name: str) -> dict[str, Any] | None:
        """Return the report of a snapshot that is there whole, with the path to read it from; None if there is none."""
        if not self.exists:
            return None
        try:
            report: dict[str, Any] = json.loads(self._shell.run(["cat", "--", self.file(name, ".json")]).output)
            return report if self._shell.transport.stat(self.file(name, ".db")).size == report["size"] else None
        except (ValueError, KeyError, RemoteFileError):
            return None  # not whole: it is taken anew

    def publish(self, name: str, report: dict[str, Any]) -> None:
        """Give the finished snapshot its name, and its report after it; killed between the two, it is taken anew."""
        aside = self.file(name, ".json.partial")
        self._shell.do(["mv", "-f", "--", self.file(name, ".partial"), self.file(name, ".db")])
        self._shell.do(["sh", "-c", 'umask 077; cat > "$1"', "sh", aside], stdin=json.dumps(report).encode())
        self._shell.do(["mv", "-f", "--", aside, self.file(name, ".json")])

    def drop(self, name: str) -> None:
        """Remove a snapshot, its report first; dropping what is not there is no error."""
        self._shell.do(["rm", "-f", "--", *(self.file(name, ending) for ending in ENDINGS), self.file(name, ".partial-journal")])

    def sweep(self, older_than: timedelta) -> list[str]:
        """Remove the snapshots of which something is older than `older_than`, to the minute; return their names, sorted."""
        if not self.exists:
            return []
        minutes = int(older_than / timedelta(minutes=1))
        found = self._shell.do(["find", self.path, "-maxdepth", "1", "-type", "f", "-mmin", f"+{minutes}"])
        stems = {line.rpartition("/")[2].partition(".")[0] for line in found.splitlines()}
        names = sorted(stem for stem in stems if _NAME.fullmatch(stem))
        for name in names:
            self.drop(name)
        return names

    def require_room(self, size: int) -> None:
        """Raise CaptureError, reason `disk_full`, unless a snapshot of `size` bytes fits with a fifth to spare."""
        free = int(self._shell.do(["df", "-Pk", "--", self.path]).splitlines()[-1].split()[3]) * 1024
        if free < size * _ROOM:
            cause = f"{self.path} has {free} bytes free, and {int(size * _ROOM)} are needed"
            raise refusal(self._shell.target, "disk_full", cause)
