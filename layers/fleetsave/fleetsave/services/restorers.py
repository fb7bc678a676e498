"""The ways into what a recovery restores to: a file or folder on a server, or a database of the central PostgreSQL."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from fleetsave.model.errors import ConfigurationError
from fleetsave.model.fleet import Fleet, Server
from fleetsave.model.keys import ArtifactId, BackupKey
from fleetsave.model.kinds import Kind
from fleetsave.model.recoveries import Recovery
from fleetsave.model.recovery_records import RecoveryPlan
from fleetsave.planning.archive_plan import chosen_and_away
from fleetsave.planning.archive_target import folders_allowed
from fleetsave.planning.sqlite_target import allowed_folders
from fleetsave.recover.targets import AgentTarget, OpenTarget, ServerTarget, planned, server_of
from fleetsave.sources.base import Restorer
from fleetsave.sources.files.restore_refusals import tree_refusal
from fleetsave.sources.files.restorer import TreeRestorer
from fleetsave.sources.postgres.access import PostgresAccess
from fleetsave.sources.postgres.recovery_context import Place, make_context
from fleetsave.sources.postgres.restorer import PostgresRestorer
from fleetsave.sources.script_over_https import HttpsScript
from fleetsave.sources.script_upload import Script
from fleetsave.sources.sqlite.restore_refusals import restore_refusal
from fleetsave.sources.sqlite.restorer import SqliteRestorer
from fleetsave.transports.base import Transport
from fleetsave.transports.https import HttpsConnection
from fleetsave.transports.ssh import SshTransport

if TYPE_CHECKING:
    from fleetsave.services.composition import Services

_DEADLINE = timedelta(minutes=5)
"""How long one step of a recovery may take on a server where the fleet file has no say: at a path that it does not name."""


def database_restorer(given: "Services", fleet: Fleet, recovery: Recovery, seconds_left: Callable[[], float]) -> Restorer:
    """Return the way into a database of the central PostgreSQL, with the account for restoring."""
    postgresql, plan = fleet.postgresql, planned(recovery)
    if postgresql is None:
        raise ConfigurationError(
            "recover", recovery.id.server_id, "the fleet file no longer names it", "Put it back, and ask again."
        )
    access = PostgresAccess(postgresql, given.secrets, given.sign_token, for_restoring=True)
    context = make_context(
        recovery,
        plan,
        given.catalog.stored(BackupKey.parse(plan.backup_key)).dump,
        postgresql,
        access.login,
        given.store,
        given.programs,
        place=Place(given.settings.bucket, given.settings.store_endpoint),
        scratch=given.scratch,
        seconds_left=seconds_left,
    )
    return PostgresRestorer(context)


def open_server(given: "Services", fleet: Fleet, recovery: Recovery) -> OpenTarget:
    """Return the way to the game server of a recovery, with the private key for restoring."""
    server, plan = server_of(fleet, recovery.id.server_id), planned(recovery)
    refuse = restore_refusal if plan.kind is Kind.DATABASE else tree_refusal
    if server.restore_https is not None:
        connection = HttpsConnection(server.restore_https, given.secrets.get(server.restore_https.token_secret))
        script = HttpsScript(connection, server, plan.target_path, refuse)
        return AgentTarget(_server_restorer(given, fleet, server, recovery, script))
    assert server.restore_ssh is not None  # noqa: S101 - a server is reached in one of the two ways
    transport = SshTransport(server.restore_ssh, given.secrets.get(server.restore_ssh.key_secret))
    return ServerTarget(server, transport, _server_restorer(given, fleet, server, recovery, transport))


def _server_restorer(given: "Services", fleet: Fleet, server: Server, recovery: Recovery, reach: Transport | Script) -> Restorer:
    """Return the way of a recovery's backup into its file or folder."""
    plan, deadline = planned(recovery), _deadline(fleet, server, planned(recovery))
    if plan.kind is Kind.DATABASE:
        return SqliteRestorer(
            reach, server, plan, recovery.id, deadline=deadline, allowed_folders=allowed_folders(server)
        )  # fmt: skip
    chosen, away = chosen_and_away(recovery.request, plan, given.catalog)
    return TreeRestorer(
        reach, server, plan, recovery.id, deadline=deadline, allowed_folders=folders_allowed(server), chosen=chosen, away=away
    )  # fmt: skip


def _deadline(fleet: Fleet, server: Server, plan: RecoveryPlan) -> timedelta:
    """Return how long one step on the server may take: as long as the artifact's snapshot."""
    if plan.artifact is None:
        return _DEADLINE
    artifact_id = ArtifactId(server.id, plan.kind, plan.artifact)
    found = fleet.find(artifact_id) or fleet.find_archive(artifact_id)
    return found[1].deadline if found else _DEADLINE
