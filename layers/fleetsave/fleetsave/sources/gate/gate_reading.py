"""What of a file may be read: frozen snapshots of this account, and databases while a transaction over them is held."""

import errno
import os
import re
import signal
import stat

from fleetsave.sources.gate.gate_config import as_bytes
from fleetsave.sources.gate.gate_requests import GateRequests
from fleetsave.sources.sqlite.server_side.ground import RefusedError
from fleetsave.sources.sqlite.server_side.private import require_private

SNAPSHOT_FILE = re.compile(r"[a-z0-9_-]{1,200}\.db", re.ASCII)
COUNT = re.compile(r"[0-9]{1,12}", re.ASCII)
BLOCK_BYTES = 131072
SECONDS_FOR_A_BLOCK = 120


def read_as_dd(words: "list[str]", staging: str, requests: GateRequests) -> None:
    """Write the blocks that a `dd` of these words would write. Raise RefusedError for any other words, and for other files."""
    values = dict(word.partition("=")[::2] for word in words[1:])
    numbers = [values.get(name, "") for name in ("skip", "count")]
    is_ours = len(words) == 5 and list(values) == ["if", "bs", "skip", "count"] and values["bs"] == str(BLOCK_BYTES)
    if not is_ours or not all(map(COUNT.fullmatch, numbers)):
        raise RefusedError("not_served", "dd is asked for something else")
    descriptor = open_readable(values["if"], staging, requests)
    position, end = (BLOCK_BYTES * blocks for blocks in (int(numbers[0]), int(numbers[0]) + int(numbers[1])))
    while position < end:
        signal.alarm(SECONDS_FOR_A_BLOCK)  # nobody who takes nothing is waited for
        block = os.pread(descriptor, min(BLOCK_BYTES, end - position), position)
        if not block:
            return
        position += len(block)
        while block:
            block = block[os.write(1, block) :]


def open_readable(path: str, staging: str, requests: GateRequests) -> int:
    """Return a descriptor of a file that may be read. Raise RefusedError for any other; no link is followed."""
    folder, name = os.path.split(path)
    is_snapshot = folder == staging and SNAPSHOT_FILE.fullmatch(name) is not None
    if not is_snapshot and not requests.readable(path):
        raise RefusedError("not_served", f"the gate does not allow {path!r}"[:300])
    try:
        if is_snapshot:
            require_private(as_bytes(staging), 0o022, "unsafe_staging")
        descriptor = os.open(as_bytes(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        cause = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise RefusedError("missing", f"{path!r}: {cause}") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or (is_snapshot and status.st_uid != os.geteuid()):
        raise RefusedError("not_served", f"{path!r} is no snapshot of this account"[:300])
    return descriptor
