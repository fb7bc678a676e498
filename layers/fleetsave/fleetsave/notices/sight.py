"""What a look could not see: a problem that is missing from it is not gone if nobody could have seen it."""

from dataclasses import dataclass, field

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.keys import BackupKey
from fleetsave.model.recovery_keys import recoveries_prefix
from fleetsave.model.watch import Problem, ProblemKind, WatchReport

_BLINDING = {ProblemKind.FLEET_FILE, ProblemKind.CLOCK}
"""While one of these stands the watchdog does not know what should be there, or when it is."""


_COMPARED = {ProblemKind.OBJECT_WITHOUT_RECORD, ProblemKind.RECORD_WITHOUT_OBJECT, ProblemKind.GROWING, ProblemKind.NOT_PRUNED}
"""What shows only where the data was listed beside the catalog."""


@dataclass(frozen=True)
class Sight:
    """Where a look was blind: everywhere, for servers, for artifacts, for what is `compared` on servers, for `recoveries`."""

    nothing: bool = False
    servers: set[str] = field(default_factory=set)
    artifacts: set[str] = field(default_factory=set)
    compared: set[str] = field(default_factory=set)
    recoveries: bool = False

    def covers(self, problem: Problem) -> bool:
        """Tell whether the look would have shown this problem if it were still there."""
        if problem.kind in _BLINDING:
            return True
        if problem.kind in _COMPARED and problem.server_id in self.compared:
            return False
        if problem.kind is ProblemKind.RECOVERY_STALLED and self.recoveries:
            return False
        return not (self.nothing or problem.server_id in self.servers or problem.artifact in self.artifacts)


def sight_of(report: WatchReport) -> Sight:
    """Return where a look was blind.

    What is unreadable hides the whole artifact it belongs to, and the whole server where it is about no object: a listing that
    failed. A backup that is told so without its artifact hides what is found by comparing, for its listing contradicts itself.
    A record of a recovery hides which recoveries stand still. Any other object that is not understood hides nothing.
    """
    unreadable = [one for one in report.problems if one.kind is ProblemKind.UNREADABLE]
    without_object = [one for one in unreadable if one.key is None and one.artifact is None]
    return Sight(
        nothing=any(one.kind in _BLINDING for one in report.problems) or any(one.server_id is None for one in without_object),
        servers={one.server_id for one in without_object if one.server_id},
        artifacts={one.artifact for one in unreadable if one.artifact},
        compared={one.server_id for one in unreadable if one.server_id and one.key and _is_backup(one.key)},
        recoveries=any((one.key or "").startswith(recoveries_prefix()) for one in unreadable),
    )


def _is_backup(key: str) -> bool:
    try:
        BackupKey.parse(key)
    except InvalidInputError:
        return False
    return True
