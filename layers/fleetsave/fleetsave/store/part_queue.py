"""A small pool that uploads parts side by side and hands back what was accepted in order."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self

from fleetsave.model.records import PartRecord
from fleetsave.store.base import ObjectStore


class PartQueue:
    """Uploads the parts of one upload, `workers` at a time, and holds no more bodies than that.

    Leaving the `with` block by an error cancels what has not begun and waits for what has, so that no thread is left.
    """

    def __init__(self, store: ObjectStore, key: str, upload_id: str, workers: int) -> None:
        self._store = store
        self._key = key
        self._upload_id = upload_id
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="upload")
        self._pending: deque[Future[PartRecord]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def add(self, number: int, body: bytes, plain_end: int) -> None:
        """Upload a part as soon as a worker is free, and return then. Raise what an earlier part failed with."""
        while len(running := [future for future in self._pending if not future.done()]) >= self._workers:
            wait(running, return_when=FIRST_COMPLETED)
            self.raise_failure()
        self._pending.append(self._pool.submit(self._upload, number, body, plain_end))

    def raise_failure(self) -> None:
        """Raise what any part failed with, if one did."""
        for future in self._pending:
            if future.done():
                future.result()

    def accepted(self) -> Iterator[PartRecord]:
        """Yield, and forget, the parts that are accepted with all before them; does not wait."""
        while self._pending and self._pending[0].done():
            yield self._pending.popleft().result()

    def all(self) -> Iterator[PartRecord]:
        """Yield, and forget, the rest of the parts in order, waiting for each. Raise what one failed with."""
        while self._pending:
            yield self._pending.popleft().result()

    def _upload(self, number: int, body: bytes, plain_end: int) -> PartRecord:
        receipt = self._store.upload_part(self._key, self._upload_id, number, body)
        return PartRecord(receipt.number, receipt.size, receipt.etag, receipt.sha256, plain_end)
