"""A read transaction held open while others read the files: the way that needs no room on the server.

No one may write the main file of a rollback-journal database meanwhile. Under WAL a checkpoint may, but only what the
first `wal_frames` frames of the -wal hold too; those frames stay as they are unless the -wal is begun anew, which SQLite
does only when they are in the main file already and nobody needs them.
"""

import json
import os
import select
import sqlite3
import struct
import time
from typing import Any, BinaryIO

from fleetsave.sources.sqlite.server_side.content import begin, fingerprint, sha256_of
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, Request, Source, connect
from fleetsave.sources.sqlite.server_side.snapshot import describe, page_size_of

LEAST_WAL_LIMIT = 256 << 20
INDEX_HEADER = struct.Struct("=III B B H I I 8s 8s 8s")
"""The wal-index header: version, unused, change, initialised, byte order, page size, frames, pages, sums, salts, sum."""


def hold(request: Request, source: Source, deadline: Deadline, stdin: BinaryIO, stdout: BinaryIO) -> "dict[str, Any]":
    """Report the view, then keep it until a line says `end`; the last reply proves that it was held all the time.

    Raise RefusedError if the deadline passes, the -wal outgrows its limit, or our side goes away.
    """
    connection = connect(source.path, deadline, "?mode=ro")
    frames, salts = 0, ""
    if source.is_wal:
        frames, salts = _begin_at_known_frame(connection, source, deadline)
    else:
        begin(connection, deadline)
    started = time.monotonic()
    if not source.is_wal:
        deadline.narrow(request.lock_limit, "lock_limit")
    main = os.open(source.path, os.O_RDONLY)  # never closed: see the top of the script
    size = os.fstat(main).st_size
    report = dict(describe(source), snapshot_id=os.urandom(16).hex(), path=os.fsdecode(source.path), size=size)
    report.update(page_size=page_size_of(os.pread(main, 100, 0)), wal_frames=frames, wal_salts=salts)
    limit = min(max(LEAST_WAL_LIMIT, size // 4), _free_bytes(source) // 2)
    if frames * (report["page_size"] + 24) > limit:
        raise RefusedError("wal_too_large", f"the -wal has {frames} frames, and {limit} bytes are the limit")
    report["fingerprint"] = fingerprint(connection, request.checks) if request.checks is not None else None
    report["sha256"] = None if source.is_wal else sha256_of(main, size, deadline)
    largest_wal = (source.size_of(b"-wal") or 0) + limit
    stdout.write((json.dumps({"fleetsave": 1, "ok": report}) + "\n").encode())
    stdout.flush()
    _wait_for_end(source, deadline, stdin, largest_wal)
    connection.execute("ROLLBACK")
    return {"held_seconds": round(time.monotonic() - started, 6)}


def _begin_at_known_frame(connection: sqlite3.Connection, source: Source, deadline: Deadline) -> "tuple[int, str]":
    """Open the transaction and return how many frames of the -wal it sees, and their salts.

    The wal-index is read before and after: if it did not change, it is what the transaction began with.
    """
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # makes the -shm, if need be
    index = os.open(source.path + b"-shm", os.O_RDONLY)  # never closed: see the top of the script
    while True:
        before = os.pread(index, 2 * INDEX_HEADER.size, 0)
        begin(connection, deadline)
        after = os.pread(index, 2 * INDEX_HEADER.size, 0)
        header = after[: INDEX_HEADER.size]
        if before == after and header == after[INDEX_HEADER.size :]:
            break
        connection.execute("ROLLBACK")
        deadline.check()
    fields = INDEX_HEADER.unpack(header)
    if fields[0] != 3007000 or not fields[3]:
        raise RefusedError("unknown_wal_index", f"the wal-index is of version {fields[0]}")
    return fields[6], fields[9].hex()


def _wait_for_end(source: Source, deadline: Deadline, stdin: BinaryIO, wal_limit: int) -> None:
    while not select.select([stdin], [], [], min(0.5, deadline.remaining()))[0]:
        deadline.check()
        if (source.size_of(b"-wal") or 0) > wal_limit:
            raise RefusedError("wal_too_large", f"the -wal grew past {wal_limit} bytes while it was read")
    if stdin.readline().strip() != b"end":
        raise RefusedError("abandoned", "our side went away")


def _free_bytes(source: Source) -> int:
    room = os.statvfs(os.path.dirname(source.path))
    return room.f_bavail * room.f_frsize
