"""Leftovers on servers: once a day each server is swept by collect, for what may reach no server cannot sweep."""

from fleetsave.model.fleet import Fleet
from fleetsave.model.jobs import Job
from fleetsave.model.keys import CENTRAL_SERVER_ID, ArtifactId
from fleetsave.model.kinds import Kind
from fleetsave.model.slots import Slot
from fleetsave.watchdog.look import Look
from fleetsave.watchdog.remedies import SWEPT


def sweeps(look: Look) -> dict[Job, str]:
    """Return a job for each server whose turn has come; none where a recovery is at work, which keeps things there."""
    jobs = {}
    for server_id, (_, turn) in sorted(look.turns.items()):
        fleet = look.fleet_of(server_id)
        artifact_id = _any_of(fleet) if fleet is not None and server_id != CENTRAL_SERVER_ID else None
        if artifact_id is not None and server_id not in look.recovering.at_work:
            jobs[Job(artifact_id, Slot(turn.replace(microsecond=0)), sweep=True)] = SWEPT
    return jobs


def _any_of(fleet: Fleet) -> ArtifactId | None:
    """Return one artifact of a server: a sweep is of the server, whichever it is asked for."""
    return next((artifact_id for kind in Kind for artifact_id in fleet.artifact_ids(kind)), None)
