"""The streaming upload: plain bytes in, parts of whole frames out, in one pass and in memory that does not grow.

Whatever is interrupted goes on at the last part that was saved, in a new frame: the object is the same in the end.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from fleetsave.model.errors import CaptureError, StoreError
from fleetsave.model.kinds import Compression
from fleetsave.model.records import PartRecord
from fleetsave.store.base import ObjectInfo, ObjectStore, PartReceipt
from fleetsave.store.frames import FRAME_SIZE, Frame, frames
from fleetsave.store.part_queue import PartQueue

PART_SIZE = 8 << 20
MINIMUM_PART_SIZE = 5 << 20
"""What S3 takes as a part that is not the last."""

_PARTS_AIMED_AT = 9_000
"""S3 takes 10,000; the rest is for content that grows when compressed and for the short part before each pause."""


_PARTS_OF_A_SIZE = 1_500
"""Parts of a stream without a known end after which they grow by one size more: 10,000 of them hold 320 GB."""


@dataclass(frozen=True)
class UploadProgress:
    """How far an upload is: `parts` are those the store has, from the first on without a gap; sizes in bytes.

    `plain_size` is None for a stream that nobody knows the length of before its end; such an upload cannot be gone on with.
    """

    key: str
    upload_id: str
    snapshot_id: str
    compression: Compression
    plain_size: int | None
    parts: tuple[PartRecord, ...]
    started_at: datetime

    @property
    def plain_offset(self) -> int:
        """Return how many plain bytes the store has, which is where the next run begins to read."""
        return self.parts[-1].plain_end if self.parts else 0


@dataclass(frozen=True)
class UploadOutcome:
    """What a run came to: SHA-256 in hex of the plain and stored bytes, if this run saw all of them, else None."""

    progress: UploadProgress
    finished: bool
    plain_sha256: str | None
    stored_sha256: str | None


def upload_stream(
    store: ObjectStore,
    progress: UploadProgress,
    chunks: Iterator[bytes],
    *,
    save: Callable[[UploadProgress], None],
    should_pause: Callable[[], bool],
    part_size: int = PART_SIZE,
    workers: int = 2,
    frame_size: int = FRAME_SIZE,
) -> UploadOutcome:
    """Upload `chunks`, the plain bytes from `progress.plain_offset` on, until they end or it is time to pause.

    `save` is called by this thread, in order, each time the store has one part more; `should_pause` is asked after each
    frame. A pause makes a last part of what is at hand if that is enough for one, else drops it. At most `workers` + 1
    parts are in memory. Raise CaptureError if the bytes are fewer or more than `progress.plain_size`, or none at all; whatever
    the stream or the store raises goes through, and nothing runs on after it. The upload is neither completed nor aborted here.
    """
    if progress.plain_size is not None and progress.plain_size < 1:
        raise ValueError("an upload needs at least one plain byte")
    run = _Run(progress, save, max(part_size, -(-(progress.plain_size or 0) // _PARTS_AIMED_AT)))
    with PartQueue(store, progress.key, progress.upload_id, workers) as queue:
        finished = run.stream(frames(chunks, progress.compression, frame_size), queue, should_pause)
        for part in queue.all():
            run.accept(part)
    return run.outcome(finished)


def complete(store: ObjectStore, progress: UploadProgress) -> ObjectInfo:
    """Make the object of a finished upload appear, or find that it has. Raise StoreError if parts are missing."""
    if progress.plain_offset != progress.plain_size:
        raise StoreError(
            "complete upload",
            progress.key,
            f"its parts hold {progress.plain_offset} of {progress.plain_size} plain bytes",
            "Go on with the upload first.",
        )
    receipts = [PartReceipt(part.number, part.size, part.etag, part.sha256) for part in progress.parts]
    return store.complete_upload(progress.key, progress.upload_id, receipts)


class _Run:
    """One run of one upload: what has been read, what waits to be a part, what the store has."""

    def __init__(self, progress: UploadProgress, save: Callable[[UploadProgress], None], part_size: int) -> None:
        self._progress = progress
        self._save = save
        self._part_size = part_size
        self._from_start = progress.plain_offset == 0
        self._plain_end = progress.plain_offset
        self._number = len(progress.parts)
        self._waiting: list[bytes] = []
        self._plain_sha256 = hashlib.sha256()
        self._stored_sha256 = hashlib.sha256()

    def stream(self, pieces: Iterator[Frame], queue: PartQueue, should_pause: Callable[[], bool]) -> bool:
        """Hand frames to the queue, part by part; return whether the stream came to its end."""
        for frame in pieces:
            self._take(frame)
            at_end = self._plain_end == self._progress.plain_size
            if at_end or self._waiting_size >= self._next_part_size:
                self._cut_part(queue)
            queue.raise_failure()
            for part in queue.accepted():
                self.accept(part)
            if not at_end and should_pause():
                if self._waiting_size >= min(self._part_size, MINIMUM_PART_SIZE):
                    self._cut_part(queue)
                return False
        if self._progress.plain_size is None:
            self._end_where_it_ends(queue)
        elif self._plain_end != self._progress.plain_size:
            raise self._wrong_length("ended after", retryable=True)
        return True

    def accept(self, part: PartRecord) -> None:
        """Note, and save, that the store has a part."""
        self._progress = replace(self._progress, parts=(*self._progress.parts, part))
        self._save(self._progress)

    def outcome(self, finished: bool) -> UploadOutcome:  # noqa: FBT001 - private, and only ever handed on
        """Return what this run came to."""
        whole = finished and self._from_start
        return UploadOutcome(
            self._progress,
            finished,
            self._plain_sha256.hexdigest() if whole else None,
            self._stored_sha256.hexdigest() if whole else None,
        )

    @property
    def _next_part_size(self) -> int:
        """Return how large the next part is to be: parts of a stream without a known end grow, lest there be too many."""
        grown = 1 if self._progress.plain_size is not None else 1 + self._number // _PARTS_OF_A_SIZE
        return self._part_size * grown

    @property
    def _waiting_size(self) -> int:
        return sum(len(stored) for stored in self._waiting)

    def _take(self, frame: Frame) -> None:
        self._plain_end += len(frame.plain)
        if self._progress.plain_size is not None and self._plain_end > self._progress.plain_size:
            raise self._wrong_length("grew to", retryable=False)
        self._plain_sha256.update(frame.plain)
        self._stored_sha256.update(frame.stored)
        self._waiting.append(frame.stored)

    def _end_where_it_ends(self, queue: PartQueue) -> None:
        if not self._plain_end:
            raise self._wrong_length("has not one byte: it ended after", retryable=True)
        if self._waiting:
            self._cut_part(queue)
        self._progress = replace(self._progress, plain_size=self._plain_end)

    def _cut_part(self, queue: PartQueue) -> None:
        self._number += 1
        body = b"".join(self._waiting)
        self._waiting.clear()
        queue.add(self._number, body, self._plain_end)

    def _wrong_length(self, what: str, *, retryable: bool) -> CaptureError:
        return CaptureError(
            "upload",
            self._progress.key,
            f"the stream {what} {self._plain_end} bytes where the snapshot has {self._progress.plain_size}",
            "Nothing was completed; the snapshot is read or taken again.",
            reason="wrong_length",
            retryable=retryable,
        )
