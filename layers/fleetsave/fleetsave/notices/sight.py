"""What a look could not see: a problem that is missing from it is not gone if nobody could have seen it."""

from dataclasses import dataclass, field

from fleetsave.model.watch import Problem, ProblemKind, WatchReport

_BLINDING = {ProblemKind.FLEET_FILE, ProblemKind.CLOCK}
"""While one of these stands the watchdog does not know what should be there, or when it is."""


@dataclass(frozen=True)
class Sight:
    """Where a look was blind: everywhere, or for these servers and artifacts."""

    nothing: bool = False
    servers: set[str] = field(default_factory=set)
    artifacts: set[str] = field(default_factory=set)

    def covers(self, problem: Problem) -> bool:
        """Tell whether the look would have shown this problem if it were still there."""
        if problem.kind in _BLINDING:
            return True
        return not (self.nothing or problem.server_id in self.servers or problem.artifact in self.artifacts)


def sight_of(report: WatchReport) -> Sight:
    """Return where a look was blind.

    What is unreadable hides the whole artifact it belongs to, and the whole server where it is about no object: a listing that
    failed. An object that is not understood hides nothing else.
    """
    unreadable = [one for one in report.problems if one.kind is ProblemKind.UNREADABLE]
    without_object = [one for one in unreadable if one.key is None and one.artifact is None]
    return Sight(
        nothing=any(one.kind in _BLINDING for one in report.problems) or any(one.server_id is None for one in without_object),
        servers={one.server_id for one in without_object if one.server_id},
        artifacts={one.artifact for one in unreadable if one.artifact},
    )
