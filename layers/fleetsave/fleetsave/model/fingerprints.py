"""What a source says of its own content, so that a restored copy can be asked the same."""

from dataclasses import dataclass, field

Value = str | int | float | None
"""What one cell of an owner's SQL check may hold."""


@dataclass(frozen=True)
class Fingerprint:
    """What the source said of its content inside the capture's own transaction.

    `row_counts` maps each table to its rows, `schema_sha256` is the SHA-256 hex of the sorted schema of a SQLite database, of
    a PostgreSQL dump's text without its data and versions. `checks` maps the name of each of the owner's SQL checks to its
    first row, `check_sql` to the statement that gave it.
    """

    row_counts: dict[str, int]
    schema_sha256: str
    checks: dict[str, list[Value]] = field(default_factory=dict)
    check_sql: dict[str, str] = field(default_factory=dict)
