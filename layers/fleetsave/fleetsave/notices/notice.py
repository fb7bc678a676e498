"""One notice: what a person is sent."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How soon somebody should look; it stands in front of every subject."""

    CRITICAL = "critical"
    WARNING = "warning"
    OK = "ok"
    INFO = "info"


@dataclass(frozen=True)
class Notice:
    """A subject of less than 80 characters and a body of plain text, both printable, without secrets."""

    severity: Severity
    subject: str
    body: str
