"""A dump of one database of the central PostgreSQL: what to ask for."""

from fleetsave.collect.live import store_stream
from fleetsave.collect.outcome import Outcome
from fleetsave.collect.ports import Ports
from fleetsave.collect.state import StateFile
from fleetsave.model.fleet import Postgresql, PostgresqlDatabase
from fleetsave.model.jobs import Job
from fleetsave.model.keys import BackupKey


def store_dump(job: Job, postgresql: Postgresql, database: PostgresqlDatabase, state: StateFile, ports: Ports) -> Outcome:
    """Dump one database for a slot, unless that is done. Raise as `store_stream` does."""
    key = BackupKey(job.artifact_id, job.stored_slot, database.stored_compression, database.format)
    if key.artifact_id.is_safety:
        # What is kept before a recovery may be what the owner's checks cannot be run on any more, a table of theirs dropped.
        database = database.model_copy(update={"checks": {}})
    return store_stream(
        key, job, lambda: ports.open_dump(postgresql, database, ports.is_near_deadline), lambda _report: None, state, ports
    )
