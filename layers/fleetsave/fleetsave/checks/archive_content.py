"""What is in a file of an archive: its digest, and whether it is a SQLite database, known while it passes by."""

import hashlib
from collections.abc import Callable, Iterator

_SQLITE = b"SQLite format 3\0"


class ContentRead:
    """Takes one file's content on its way; `in_time` is called for every chunk, and raises when the time is up."""

    def __init__(self, in_time: Callable[[], None]) -> None:
        self._in_time = in_time
        self._digest = hashlib.sha256()
        self._first = b""

    def through(self, content: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the content as it comes."""
        for chunk in content:
            self._in_time()
            self._digest.update(chunk)
            if len(self._first) < len(_SQLITE):
                self._first += chunk[: len(_SQLITE) - len(self._first)]
            yield chunk

    @property
    def sha256(self) -> str:
        """Return the digest of what has passed."""
        return self._digest.hexdigest()

    @property
    def is_database(self) -> bool:
        """Tell whether what has passed begins as a SQLite database does."""
        return self._first == _SQLITE
