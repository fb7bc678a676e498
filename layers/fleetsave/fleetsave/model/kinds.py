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

    @property
    def schedule_hours(self) -> int:
        """Return the hours between two runs of its schedule, as template.yaml has them by default."""
        return _HOURS[self]


_EXTENSIONS = {Kind.DATABASE: "db", Kind.POSTGRESQL: "sql", Kind.FILES: "tar", Kind.FULL: "tar"}
_HOURS = {Kind.DATABASE: 1, Kind.POSTGRESQL: 1, Kind.FILES: 6, Kind.FULL: 24}


class Compression(StrEnum):
    """How the stored bytes encode the plain bytes."""

    ZSTD = "zstd"
    NONE = "none"


class DumpFormat(StrEnum):
    """How pg_dump writes a PostgreSQL database: as SQL text, or as its own archive, which is compressed in itself."""

    PLAIN = "plain"
    CUSTOM = "custom"

    @property
    def extension(self) -> str:
        """Return the file extension of a dump in this format, without a leading dot."""
        return "sql" if self is DumpFormat.PLAIN else "dump"
