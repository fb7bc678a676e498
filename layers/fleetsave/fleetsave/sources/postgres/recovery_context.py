"""What a recovery of a PostgreSQL database knows and has: the backup's record, the names, our programs, the time left."""

import hashlib
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fleetsave.model.dumps import DumpReport, GlobalsReport
from fleetsave.model.errors import ObjectNotFoundError
from fleetsave.model.fleet_postgresql import Postgresql
from fleetsave.model.recoveries import Recovery
from fleetsave.model.recovery_records import RecoveryPlan, TargetState
from fleetsave.postgres.programs import Programs
from fleetsave.sources.postgres.server_session import OpenLogin, ServerSessions
from fleetsave.sources.postgres.standing import Names
from fleetsave.store.base import ObjectStore


@dataclass(frozen=True)
class Place:
    """Where the backups are, for the commands that a person is told; `endpoint` is None for Amazon S3."""

    bucket: str
    endpoint: str | None


@dataclass(frozen=True)
class Context:
    """What every step has in common.

    `target` names the database in errors. `read_globals` reads the object beside the dump, None if it cannot be had or is not
    the one that was written; `make_roles` is how a person runs it. `scratch` is a folder of ours, `seconds_left` tells how
    long the run may still take. `is_new` tells that nothing may be replaced, `was_missing` that nothing was there.
    """

    plan: RecoveryPlan
    dump: DumpReport
    names: Names
    target: str
    sessions: ServerSessions
    programs: Programs
    read_globals: Callable[[], bytes | None]
    make_roles: str
    scratch: Path
    seconds_left: Callable[[], float]
    is_new: bool
    was_missing: bool

    @property
    def rows_then(self) -> dict[str, int]:
        """Return the rows of every table at the capture, as the dump's own text has them."""
        return {name: block.rows for name, block in self.dump.text.blocks.items() if not name.startswith("(")}


def make_context(
    recovery: Recovery,
    plan: RecoveryPlan,
    dump: DumpReport,
    postgresql: Postgresql,
    open_login: OpenLogin,
    store: ObjectStore,
    programs: Programs,
    *,
    place: Place,
    scratch: Path,
    seconds_left: Callable[[], float],
) -> Context:
    """Put together what a recovery of a PostgreSQL database knows and has; nothing is asked of anybody yet."""
    target = f"{plan.target_path} on {postgresql.host}:{postgresql.port}"
    maintenance = postgresql.recovery.maintenance_database
    lock_timeout = postgresql.lock_timeout.total_seconds()
    survey = recovery.survey
    return Context(
        plan=plan,
        dump=dump,
        names=Names.of(plan.target_path, recovery.id, recovery.records[0].at),
        target=target,
        sessions=ServerSessions(open_login, maintenance, target, recovery.id, lock_timeout),
        programs=programs,
        read_globals=partial(_read_globals, store, dump.globals),
        make_roles=_make_roles(place, postgresql, dump.globals.key),
        scratch=scratch,
        seconds_left=seconds_left,
        is_new=plan.artifact is None,
        was_missing=survey is not None and survey.target_state is TargetState.MISSING,
    )


def _read_globals(store: ObjectStore, report: GlobalsReport) -> bytes | None:
    try:
        content = store.get(report.key)
    except ObjectNotFoundError:
        return None
    return content if hashlib.sha256(content).hexdigest() == report.sha256 else None


def _make_roles(place: Place, postgresql: Postgresql, key: str) -> str:
    """Return how a person runs the globals: never we, for they hold what roles may do."""
    endpoint = f" --endpoint-url {shlex.quote(place.endpoint)}" if place.endpoint else ""
    database = shlex.quote(postgresql.recovery.maintenance_database)
    psql = f"psql -X -h {postgresql.host} -p {postgresql.port} -U postgres -d {database}"
    return (
        f"aws s3 cp{endpoint} s3://{place.bucket}/{key} globals.sql; read it; {psql} -f globals.sql "
        "(psql of version 18; that a role exists is no error; then \\password for each new one)"
    )
