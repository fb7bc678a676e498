"""What a run of prune decided and did, backup by backup."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from fleetsave.model.errors import FleetsaveError
from fleetsave.model.retention import Action, Decision, Rule


class Outcome(StrEnum):
    """What came of one decision."""

    KEPT = "kept"
    WOULD_DELETE = "would_delete"
    DELETED = "deleted"
    RETAINED = "retained"
    """The store refused to delete it, as it does while an object is locked; the next run tries again."""
    FAILED = "failed"
    POSTPONED = "postponed"
    """The run ended before its turn came; the next run does it."""


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


@dataclass(frozen=True)
class PruneReport:
    """One run; `as_of` is the time a dry run was asked to pretend, `finished` false if the run's time was over first."""

    started_at: datetime
    as_of: datetime | None
    executed: bool
    lines: list[Line]
    irregularities: list[Irregularity]
    failures: list[dict[str, str | bool]]
    finished: bool

    @property
    def refused_artifacts(self) -> list[str]:
        """Return the artifacts in which a guard forbade every deletion."""
        return sorted({line.artifact for line in self.lines if line.rule in (Rule.HELD, Rule.MAXIMUM_SHARE)})

    @property
    def deleted(self) -> int:
        """Return how many backups' data was deleted."""
        return sum(line.outcome is Outcome.DELETED for line in self.lines)

    @property
    def retained(self) -> int:
        """Return how many deletions the store refused: objects that are locked, or a permission that is missing."""
        return sum(line.outcome is Outcome.RETAINED for line in self.lines)

    def require_complete(self) -> None:
        """Raise FleetsaveError, retryable, if an artifact failed or the time was over before everything was done."""
        if not self.failures and self.finished:
            return
        causes = [f"{failed['artifact']}: {failed['cause']}" for failed in self.failures] or ["the time was over first"]
        raise FleetsaveError(
            "prune", f"{len(causes)} artifacts" if self.failures else "the fleet", "; ".join(causes[:10]),
            "What was done stays done; the next run goes on. Look at the causes if they come again.", retryable=True,
        )  # fmt: skip

    def summary(self) -> dict[str, Any]:
        """Return counts, and bytes freed or to be freed, JSON-ready."""
        counts = {outcome.value: sum(line.outcome is outcome for line in self.lines) for outcome in Outcome}
        freed = sum(line.size for line in self.lines if line.outcome in (Outcome.DELETED, Outcome.WOULD_DELETE))
        return {
            "started_at": self.started_at.isoformat(),
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "executed": self.executed,
            "finished": self.finished,
            "backups": counts,
            "bytes_deleted" if self.executed else "bytes_would_be_deleted": freed,
            "refused_artifacts": self.refused_artifacts,
            "irregularities": len(self.irregularities),
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
