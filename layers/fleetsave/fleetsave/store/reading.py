"""Reading an object to its last byte: a connection that breaks is made anew, and an object that changes is an error."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from botocore.exceptions import ClientError

from fleetsave.model.errors import StoreError
from fleetsave.store.errors import error_code, translated

CHUNK_SIZE = 1 << 20
_BREAKS = 4
"""How many broken connections in a row, without a byte between them, one read survives."""


class Reading:
    """One pass over one object, from an offset to its end."""

    def __init__(self, client: Any, bucket: str, key: str, offset: int) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key
        self._offset = offset
        self._etag: str | None = None
        self._end: int | None = None

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes in chunks of at most 1 MiB. Raise StoreError, or ObjectNotFoundError on the first chunk."""
        breaks = 0
        while self._end is None or self._offset < self._end:
            with translated("read", self._key):
                answer = self._get()
            if answer is None:
                return
            self._check(answer)
            try:
                for chunk in self._body(answer["Body"]):
                    breaks = 0
                    self._offset += len(chunk)
                    yield chunk
            except StoreError:
                breaks += 1
                # A failure after the last byte is no broken connection, but a checksum that does not fit.
                if breaks > _BREAKS or self._offset == self._end:
                    raise

    def _body(self, body: Any) -> Iterator[bytes]:
        with translated("read", self._key), closing(body):
            while chunk := body.read(CHUNK_SIZE):
                yield chunk

    def _get(self) -> Any:
        """Open the GET; None if the object ends just where we begin."""
        where = {"Range": f"bytes={self._offset}-"} if self._offset else {}
        try:
            return self._client.get_object(Bucket=self._bucket, Key=self._key, **where)
        except ClientError as error:
            if error_code(error) not in ("InvalidRange", "416"):
                raise
        size = self._client.head_object(Bucket=self._bucket, Key=self._key)["ContentLength"]
        if size == self._offset:
            return None
        raise StoreError(
            "read", self._key, f"there are {size} bytes, none at offset {self._offset}", "Read from an offset in the object."
        )

    def _check(self, answer: Any) -> None:
        """Make sure that this answer goes on with the same object, just where we are."""
        if self._offset and not answer.get("ContentRange", "").startswith(f"bytes {self._offset}-"):
            raise StoreError("read", self._key, "the store ignored the range asked for", "Use a store that reads ranges.")
        if self._etag not in (None, answer["ETag"]):
            raise StoreError("read", self._key, "the object was replaced while it was read", "Read it again.")
        self._etag = answer["ETag"]
        self._end = self._offset + int(answer["ContentLength"])
