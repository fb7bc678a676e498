"""The copy on its way to the server, and the proof that it has arrived whole."""

import json
import os
import signal
from typing import Any, BinaryIO

from fleetsave.sources.sqlite.server_side.content import CHUNK, sha256_of
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, Request
from fleetsave.sources.sqlite.server_side.soundness import examine_file
from fleetsave.sources.sqlite.server_side.workplace import COPY, COPY_PARTIAL, COPY_REPORT, Workplace

SILENCE_SECONDS = 120
"""How long our side may send nothing before the kernel ends this process; what arrived until then stays."""


def received(request: Request, place: Workplace) -> int:
    """Return how many bytes of the copy are here."""
    return request.size if place.has(COPY) else place.size_of(COPY_PARTIAL)


def receive(request: Request, place: Workplace, deadline: Deadline, stdin: Any, stdout: BinaryIO) -> "dict[str, int]":
    """Append what comes after byte `offset` until the input ends, and return how many bytes there are then.

    The first reply tells that this is ready. What was read is written at once: however it ends, what arrived stays.
    """
    with place.held(deadline):
        if place.has(COPY):
            return {"received": request.size}
        if place.size_of(COPY_PARTIAL) < request.offset:
            raise RefusedError("gap", f"{place.size_of(COPY_PARTIAL)} bytes are here, and the next is number {request.offset}")
        descriptor = os.open(place.file(COPY_PARTIAL), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.ftruncate(descriptor, request.offset)
            os.lseek(descriptor, request.offset, os.SEEK_SET)
            stdout.write((json.dumps({"fleetsave": 1, "ok": {"ready": request.offset}}) + "\n").encode())
            stdout.flush()
            size = _append(descriptor, request, stdin)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return {"received": size}


def _append(descriptor: int, request: Request, stdin: Any) -> int:
    size = request.offset
    until = signal.alarm(SILENCE_SECONDS)
    try:
        while True:
            block = stdin.read1(CHUNK)
            if not block:
                return size
            signal.alarm(SILENCE_SECONDS)
            size += len(block)
            if size > request.size:
                raise RefusedError("altered_copy", f"more came than the {request.size} bytes of the backup")
            while block:
                block = block[os.write(descriptor, block) :]
    finally:
        signal.alarm(until)


def check_copy(request: Request, place: Workplace, deadline: Deadline) -> "dict[str, Any]":
    """Hash the copy, examine it, and give it its name if it is sound; what was checked once is not checked again."""
    with place.held(deadline):
        report = place.read(COPY_REPORT)
        if report is not None and place.has(COPY) and report["sha256"] == request.sha256:
            return report
        digest = _digest(request, place, deadline)
        report = dict(examine_file(place.file(COPY_PARTIAL), request.checks or {}, deadline), **digest)
        if report["integrity"] != "failed":
            place.note(COPY_REPORT, report)
            place.publish(COPY_PARTIAL, COPY)
        return report


def _digest(request: Request, place: Workplace, deadline: Deadline) -> "dict[str, Any]":
    """Return digest and size; a copy that is not the backup is removed, so that it is sent anew from its first byte."""
    size, sha256 = place.size_of(COPY_PARTIAL), ""
    if size == request.size:
        with open(place.file(COPY_PARTIAL), "rb") as file:
            os.fsync(file.fileno())
            sha256 = sha256_of(file.fileno(), size, deadline)
    if sha256 != request.sha256:
        place.discard(COPY_PARTIAL)
        seen = f"sha256 {sha256}" if sha256 else f"{size} bytes"
        raise RefusedError("altered_copy", f"{seen} arrived, the backup has {request.sha256} and {request.size} bytes")
    return {"sha256": sha256, "size": size}


def checked_copy(request: Request, place: Workplace) -> "dict[str, Any]":
    """Return the report of the checked copy. Raise RefusedError if there is none, or it is of another backup."""
    report = place.read(COPY_REPORT)
    if report is None or not place.has(COPY) or report["sha256"] != request.sha256:
        raise RefusedError("no_copy", "no checked copy of this backup lies beside the target")
    return report
