"""Channels and pings that remember what they were given, and fail where a test says so."""

from dataclasses import dataclass, field

from fleetsave.model.errors import ChannelError
from fleetsave.notices.notice import Notice


@dataclass
class RecordingChannel:
    """Keeps notices in order; while `broken` it takes none. `attempts` counts calls, `seconds` holds the time each was given."""

    name: str = "json #1"
    notices: list[Notice] = field(default_factory=list)
    broken: bool = False
    attempts: int = 0
    seconds: list[float] = field(default_factory=list)

    def send(self, notice: Notice, seconds: float) -> None:
        self.attempts += 1
        self.seconds.append(seconds)
        if self.broken:
            raise refused(self.name)
        self.notices.append(notice)

    @property
    def subjects(self) -> list[str]:
        return [notice.subject for notice in self.notices]


@dataclass
class RecordingPing:
    """Keeps `(text, failed)` of each call; while `broken` it answers none."""

    calls: list[tuple[str, bool]] = field(default_factory=list)
    broken: bool = False
    attempts: int = 0

    def call(self, text: str, seconds: float, *, failed: bool = False) -> None:
        del seconds
        self.attempts += 1
        if self.broken:
            raise refused("ping")
        self.calls.append((text, failed))


def refused(name: str) -> ChannelError:
    return ChannelError("send notice to", name, "it was not taken", "Look at it.", retryable=True)
