"""What a run of prune decided and did, backup by backup."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from fleetsave.model.errors import FleetsaveError
from fleetsave.model.retention import Action, Decision, Rule

_MOST_IRREGULARITIES = 1000


class Outcome(StrEnum):
    """What came of one decision."""

    KEPT = "kept"
    WOULD_DELETE = "would_delete"
    DELETED = "deleted"
    RETAINED = "retained"
    """The store refused to delete it, as it does while an object is locked; the next run tries again."""
    FAILED = "failed"
    POSTPONED = "postponed"
    """An earlier deletion of the artifact failed, or the run's time was over; the next run does it."""


@dataclass(frozen=True)
class Line:
    """One backup's decision and what came of it; `size` is the stored size in bytes, 0 if the data is not listed."""

    key: str
    artifact: str
    action: Action
    rule: Rule
    reason: str
    age_seconds: float
    size: int
    outcome: Outcome

    @classmethod
    def of(cls, decision: Decision, size: int, outcome: Outcome) -> "Line":
        """Return the line of a decision."""
        return cls(
            key=decision.key.text,
            artifact=str(decision.key.artifact_id),
            action=decision.action,
            rule=decision.rule,
            reason=decision.reason,
            age_seconds=decision.age.total_seconds(),
            size=size,
            outcome=outcome,
        )


@dataclass(frozen=True)
class Irregularity:
    """Something in the bucket that is not as fleetsave leaves it; prune never mends it, a person should look."""

    key: str
    problem: str


@dataclass
class PruneReport:
    """One run, counted up server by server; `as_of` is the time a dry run was asked to pretend.

    `lines` holds those that `keeps` chose: the lines of a whole fleet are more than fit into memory. The counts are of all of
    them. `irregularities` holds the first thousand.
    """

    started_at: datetime
    as_of: datetime | None
    executed: bool
    keeps: Callable[[Line], bool] = lambda _: True
    lines: list[Line] = field(default_factory=list)
    irregularities: list[Irregularity] = field(default_factory=list)
    failures: list[dict[str, str | bool]] = field(default_factory=list)
    servers: int = 0
    servers_left: int = 0
    _irregularities_left_out: int = 0
    _counts: Counter[Outcome] = field(default_factory=Counter)
    _bytes_going: int = 0
    _refused: set[str] = field(default_factory=set)

    def add(
        self,
        lines: Sequence[Line],
        irregularities: Sequence[Irregularity],
        failures: Sequence[Mapping[str, str | bool]],
        *,
        is_begun: bool,
    ) -> None:
        """Count what became of one server; `is_begun` is false if the time was over before its turn."""
        self.servers += is_begun
        self.servers_left += not is_begun
        self.lines.extend(filter(self.keeps, lines))
        for line in lines:
            self._counts[line.outcome] += 1
            if line.outcome in (Outcome.DELETED, Outcome.WOULD_DELETE):
                self._bytes_going += line.size
            if line.rule in (Rule.HELD, Rule.MAXIMUM_SHARE):
                self._refused.add(line.artifact)
        room = max(_MOST_IRREGULARITIES - len(self.irregularities), 0)
        self.irregularities.extend(irregularities[:room])
        self._irregularities_left_out += len(irregularities[room:])
        self.failures.extend(dict(one) for one in failures)

    @property
    def finished(self) -> bool:
        """Tell whether nothing that was due was left for another run."""
        return not self.servers_left and not self._counts[Outcome.POSTPONED]

    @property
    def refused_artifacts(self) -> list[str]:
        """Return the artifacts in which a guard forbade every deletion."""
        return sorted(self._refused)

    @property
    def decided(self) -> int:
        """Return how many backups were decided on."""
        return self._counts.total()

    @property
    def going(self) -> int:
        """Return how many backups went, or would go."""
        return self._counts[Outcome.DELETED] + self._counts[Outcome.WOULD_DELETE]

    @property
    def deleted(self) -> int:
        """Return how many backups' data was deleted."""
        return self._counts[Outcome.DELETED]

    @property
    def retained(self) -> int:
        """Return how many deletions the store refused: objects that are locked, or a permission that is missing."""
        return self._counts[Outcome.RETAINED]

    def require_complete(self) -> None:
        """Raise FleetsaveError, retryable, if an artifact failed or the time was over before everything was done."""
        if not self.failures and self.finished:
            return
        causes = [f"{failed['artifact']}: {failed['cause']}" for failed in self.failures]
        if not self.finished:
            why = "the time was over: " if self.servers_left or not self.failures else ""
            postponed = self._counts[Outcome.POSTPONED]
            left = f"{self.servers_left} of the servers and {postponed} of the deletions are left for the next run"
            causes.insert(0, f"{why}{left}")
        raise FleetsaveError(
            "prune", f"{len(self.failures)} artifacts" if self.failures else "the fleet", "; ".join(causes[:10]),
            "What was done stays done; the next run goes on. Look at the causes if they come again.", retryable=True,
        )  # fmt: skip

    def summary(self) -> dict[str, Any]:
        """Return counts, and bytes freed or to be freed, JSON-ready."""
        return {
            "started_at": self.started_at.isoformat(),
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "executed": self.executed,
            "finished": self.finished,
            "servers": {"done": self.servers, "left": self.servers_left},
            "backups": {outcome.value: self._counts[outcome] for outcome in Outcome},
            "bytes_deleted" if self.executed else "bytes_would_be_deleted": self._bytes_going,
            "refused_artifacts": self.refused_artifacts,
            "irregularities": len(self.irregularities) + self._irregularities_left_out,
            "failures": self.failures,
        }

    def as_dict(self) -> dict[str, Any]:
        """Return everything, JSON-ready."""
        return {
            **self.summary(),
            "lines": TypeAdapter(list[Line]).dump_python(self.lines, mode="json"),
            "irregularities": TypeAdapter(list[Irregularity]).dump_python(self.irregularities, mode="json"),
        }


def failure(artifact: str, error: FleetsaveError) -> dict[str, str | bool]:
    """Return an error of one artifact as the report holds it."""
    return {"artifact": artifact, **error.as_dict()}
