"""What a door is given, made from the environment of its process once."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from fleetsave.api.ports import ApiPorts
from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.recoveries import Recoveries
from fleetsave.collect.ports import Ports
from fleetsave.model.errors import ConfigurationError
from fleetsave.model.fleet import Fleet, Postgresql, PostgresqlDatabase, Server
from fleetsave.model.kinds import Kind
from fleetsave.model.recoveries import Recovery
from fleetsave.model.schedules import Schedule
from fleetsave.notices.opening import open_ports
from fleetsave.notices.ports import NoticePorts
from fleetsave.observability import logger
from fleetsave.postgres.programs import Programs, find_programs
from fleetsave.queues import (
    Announcer,
    EventBusAnnouncer,
    JobQueue,
    RecoveryQueue,
    SilentAnnouncer,
    SqsJobQueue,
    SqsRecoveryQueue,
    SqsVerificationQueue,
    VerificationQueue,
)
from fleetsave.recover.ports import Ports as RecoverPorts
from fleetsave.recover.targets import DatabaseTarget, OpenTarget, planned
from fleetsave.secrets import Secrets, SecretsManager, read_credentials
from fleetsave.services.restorers import database_restorer, open_server
from fleetsave.settings import Provider, Settings, variable
from fleetsave.sources.base import LiveDump, ServerSource
from fleetsave.sources.over_https import HttpsSource
from fleetsave.sources.over_ssh import SshSource
from fleetsave.sources.postgres.access import PostgresAccess, SignToken
from fleetsave.sources.postgres.dump import begin
from fleetsave.store import profiles
from fleetsave.store.base import ObjectStore
from fleetsave.store.s3 import S3Store
from fleetsave.surveyor import FunctionSurveyor
from fleetsave.transports.https import HttpsConnection
from fleetsave.transports.ssh import SshTransport
from fleetsave.watchdog.ports import Ports as WatchdogPorts

_Value = TypeVar("_Value")

_LOOK_SECONDS = 20
"""How long a dry run waits for the recover function; API Gateway gives up after 29."""


@dataclass(frozen=True)
class Services:
    """Everything a door hands to its room; `client` makes the client of an AWS service by its name."""

    settings: Settings
    store: ObjectStore
    catalog: Catalog
    secrets: Secrets
    announcer: Announcer
    sqs: Any
    scratch: Path
    sign_token: SignToken
    client: Callable[..., Any]

    @property
    def queue(self) -> JobQueue:
        """Return the collect queue. Raise ConfigurationError if the function was not given one."""
        return SqsJobQueue(self.sqs, _required("collect_queue_url", self.settings.collect_queue_url))

    @property
    def recovery_queue(self) -> RecoveryQueue:
        """Return the recover queue. Raise ConfigurationError if the function was not given one."""
        return SqsRecoveryQueue(self.sqs, _required("recover_queue_url", self.settings.recover_queue_url))

    @property
    def verification_queue(self) -> VerificationQueue:
        """Return the verify queue. Raise ConfigurationError if the function was not given one."""
        return SqsVerificationQueue(self.sqs, _required("verify_queue_url", self.settings.verify_queue_url))

    @property
    def recoveries(self) -> Recoveries:
        """Return the records of recoveries."""
        return Recoveries(self.store, conditional_writes=self.settings.store_provider is Provider.AWS)

    def now(self) -> datetime:
        """Return our own clock."""
        return datetime.now(UTC)

    def open_source(self, server: Server) -> ServerSource:
        """Return the way to all that can be captured on a server, with the private key or the token that its secret holds."""
        if server.https is not None:
            return HttpsSource(HttpsConnection(server.https, self.secrets.get(server.https.token_secret)), server)
        assert server.ssh is not None  # noqa: S101 - a server is reached in one of the two ways
        return SshSource(SshTransport(server.ssh, self.secrets.get(server.ssh.key_secret)), server)

    @contextmanager
    def open_dump(
        self, postgresql: Postgresql, database: PostgresqlDatabase, should_stop: Callable[[], bool]
    ) -> Iterator[LiveDump]:
        """Lend a dump of a database of the central PostgreSQL, its snapshot held; `should_stop` tells that the time is up."""
        access = PostgresAccess(postgresql, self.secrets, self.sign_token)
        with access.login(database.database) as login, begin(login, self.programs, postgresql, database, should_stop) as dump:
            yield dump

    @property
    def programs(self) -> Programs:
        """Return PostgreSQL's own programs."""
        return find_programs(self.settings.postgresql_programs)

    def api_ports(self) -> ApiPorts:
        """Return what the API needs. Raise ConfigurationError if the function was not given the recover queue."""
        function = self.settings.recover_function
        config = Config(read_timeout=_LOOK_SECONDS, retries={"total_max_attempts": 1})
        surveyor = FunctionSurveyor(self.client("lambda", config=config), function) if function else None
        return ApiPorts(self.store, self.catalog, self.recoveries, self.recovery_queue, self.now, surveyor)

    def collect_ports(self, fleet: Fleet, seconds_left: Callable[[], float]) -> Ports:
        """Return what one run of collect needs; `seconds_left` tells how long the function may still run."""
        return Ports(
            fleet=fleet,
            store=self.store,
            catalog=self.catalog,
            recoveries=self.recoveries,
            queue=self.queue,
            announcer=self.announcer,
            bucket=self.settings.bucket,
            endpoint=self.settings.store_endpoint,
            open_source=self.open_source,
            open_dump=self.open_dump,
            now=self.now,
            is_near_deadline=lambda: seconds_left() < self.settings.reserve_seconds,
            pause=time.sleep,
            scratch=self.scratch,
            schedules=self._known_schedules(),
        )

    def _known_schedules(self) -> Mapping[Kind, Schedule]:
        """Return the schedules that are set; one that cannot be followed must not keep anything from being captured."""
        found = {}
        for kind, setting in (self.settings.schedules or {}).items():
            try:
                found[kind] = setting.schedule
            except ConfigurationError as error:
                logger().warning("late jobs of a kind are not seen to be late", extra={"kind": kind, **error.as_dict()})
        return found

    def watchdog_ports(self) -> WatchdogPorts:
        """Return what one look needs. Raise ConfigurationError for a queue or schedule that is missing or wrong."""
        settings = self.settings
        schedules = _required("schedules", settings.schedules)
        return WatchdogPorts(
            store=self.store,
            catalog=self.catalog,
            recoveries=self.recoveries,
            collect_queue=self.queue,
            verify_queue=self.verification_queue,
            schedules={kind: setting.schedule for kind, setting in schedules.items()},
            rpo=timedelta(hours=settings.rpo_hours),
            reread=timedelta(days=settings.reread_days) if settings.reread_days else None,
            default_keep_for=timedelta(days=settings.retention_days),
            now=self.now,
        )

    def notice_ports(self) -> NoticePorts:
        """Return the ways to people; the secret that names them is read anew, so that a person may change it at any time."""
        name, topic = self.settings.notice_secret, self.settings.alerts_topic
        read = partial(self.secrets.get, name, fresh=True) if name else None
        return open_ports(self.store, read, self.client("sns") if topic else None, topic)

    def recover_ports(self, fleet: Fleet, seconds_left: Callable[[], float]) -> RecoverPorts:
        """Return what one run of recover needs; `seconds_left` tells how long the function may still run."""

        def left() -> float:
            return seconds_left() - self.settings.reserve_seconds

        whole = left()

        def open_target(recovery: Recovery) -> OpenTarget:
            if planned(recovery).kind is Kind.POSTGRESQL:
                return DatabaseTarget(database_restorer(self, fleet, recovery, left), whole)
            return open_server(self, fleet, recovery)

        return RecoverPorts(
            fleet=fleet,
            store=self.store,
            catalog=self.catalog,
            recoveries=self.recoveries,
            collect_queue=self.queue,
            recovery_queue=self.recovery_queue,
            open_target=open_target,
            now=self.now,
            seconds_left=left,
            pause=time.sleep,
        )


@cache
def services() -> Services:
    """Return the services of this process, made from its environment once."""
    client: Any = boto3.client  # its types know each service by a literal name
    return build(Settings.from_environment(os.environ), client)


def build(settings: Settings, client: Callable[..., Any]) -> Services:
    """Make the services for `settings`; `client` makes the client of an AWS service by its name."""
    secrets = SecretsManager(client("secretsmanager"))
    store = open_store(settings, secrets)
    source = settings.announce_source
    announcer = EventBusAnnouncer(client("events"), source) if source else SilentAnnouncer()
    scratch = Path(tempfile.gettempdir())

    def sign_token(host: str, port: int, user: str, region: str) -> str:
        return str(client("rds").generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user, Region=region))

    return Services(settings, store, Catalog(store), secrets, announcer, client("sqs"), scratch, sign_token, client)


def open_store(settings: Settings, secrets: Secrets) -> ObjectStore:
    """Return the store of `settings`, with the credentials its secret holds, or those of the process if it names none."""
    access_key_id, secret_access_key = (
        read_credentials(secrets, settings.store_secret) if settings.store_secret else (None, None)
    )  # fmt: skip
    client = profiles.client(
        settings.store_provider,
        endpoint=settings.store_endpoint,
        region=settings.store_region,
        access_key_id=access_key_id,
        secret_access_key=secret_access_key,
    )
    return S3Store(client, settings.bucket, conditional_writes=settings.store_provider is Provider.AWS)


def _required(name: str, value: _Value | None) -> _Value:
    if value is None:
        raise ConfigurationError(
            "read settings", variable(name), "it is not set", "template.yaml sets it where it is needed."
        )  # fmt: skip
    return value
