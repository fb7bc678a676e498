"""What the watchdog sees: how old the newest verified backup of each artifact is, what is wrong, since when, what to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class ProblemKind(StrEnum):
    """The kinds of trouble, as stable words for machines."""

    TOO_OLD = "too_old"
    """The newest verified backup is older than its target, or there is none."""
    NOT_CAPTURED = "not_captured"
    """A slot has passed without a backup, and was queued again."""
    NOT_VERIFIED = "not_verified"
    """A stored backup waits for its verdict, and was queued again."""
    REJECTED = "rejected"
    SUSPECT = "suspect"
    INCONCLUSIVE = "inconclusive"
    OBJECT_WITHOUT_RECORD = "object_without_record"
    RECORD_WITHOUT_OBJECT = "record_without_object"
    UNREADABLE = "unreadable"
    """A part of the catalog, of the state or of the bucket could not be read or is not understood."""
    NOT_IN_FLEET = "not_in_fleet"
    """What was backed up until lately is no longer named by the fleet file."""
    FLEET_FILE = "fleet_file"
    """The fleet file is missing or wrong: nothing is captured."""
    CLOCK = "clock"
    SCHEDULE_STOPPED = "schedule_stopped"
    """No artifact of a kind was captured for its newest slot."""
    RECOVERY_STALLED = "recovery_stalled"
    """Nobody works on a recovery that is not finished: its server may stand half-way, and is not pruned."""
    GROWING = "growing"
    """Far more bytes are stored of an artifact than before."""
    NOT_PRUNED = "not_pruned"
    """Backups stay long after their retention has passed."""
    STALE_UPLOAD = "stale_upload"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, in words a person can act on.

    `server_id` and `artifact` (`server/kind/artifact`) say of what, both None for the fleet as a whole, and `key` of which
    object, if it is about one; `part` which part of the fleet as a whole, a kind or a queue, where there are several.
    `since` is when it began, by the store's clock; `last_good_key` the newest verified backup of the artifact; `command` is
    exactly what to type next.
    """

    kind: ProblemKind
    what: str
    since: datetime
    command: str
    server_id: str | None = None
    artifact: str | None = None
    key: str | None = None
    last_good_key: str | None = None
    part: str | None = None

    @property
    def identity(self) -> str:
        """Return the text by which this problem is known again at the next look, whatever its age and words."""
        return ":".join((self.kind, self.key or self.artifact or self.server_id or self.part or "fleet"))


@dataclass(frozen=True)
class ArtifactWatch:
    """One artifact: ages and windows in seconds, None where no backup was ever verified.

    `worst_window_seconds` is the longest time within the last 30 days in which no newer data than that of one verified backup
    could have been had back; `target_seconds` is how long it may be. `missed_slots` counts the slots of these days without one.
    """

    artifact: str
    target_seconds: float
    newest_verified_key: str | None
    newest_verified_age_seconds: float | None
    worst_window_seconds: float | None
    missed_slots: int = 0


@dataclass(frozen=True)
class WatchReport:
    """One look at the whole fleet: what is wrong, `did`, how often each remedy was taken, and `figures`, what was measured.

    Figures are `clock_offset_seconds`, our clock less the store's, and `stored_bytes`, all that the data listings last showed.
    """

    looked_at: datetime
    artifacts: list[ArtifactWatch]
    problems: list[Problem]
    did: Mapping[str, int] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
