"""The kinds of artifact; the recovery API calls them backup types."""

from enum import StrEnum


class Kind(StrEnum):
    """What sort of thing a backup holds."""

    DATABASE = "database"
    POSTGRESQL = "postgresql"
    FILES = "files"
    FULL = "full"

    @property
    def extension(self) -> str:
        """Return the file extension of the uncompressed backup, without a leading dot."""
        return _EXTENSIONS[self]


_EXTENSIONS = {Kind.DATABASE: "db", Kind.POSTGRESQL: "sql", Kind.FILES: "tar", Kind.FULL: "tar"}


class Compression(StrEnum):
    """How the stored bytes encode the plain bytes."""

    ZSTD = "zstd"
    NONE = "none"
