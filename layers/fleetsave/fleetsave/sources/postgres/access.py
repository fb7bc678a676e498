"""The way to the central PostgreSQL: its secret, the SSH server in between where there is one, and a login that works."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg

from fleetsave.model.errors import ConfigurationError, TransportError
from fleetsave.model.fleet_parts import Ssh
from fleetsave.model.fleet_postgresql import Authentication, Postgresql
from fleetsave.postgres.login import Login
from fleetsave.secrets import Secrets, read_account
from fleetsave.sources.postgres.refusals import unreachable
from fleetsave.transports.forwarding import LOOPBACK, Forwarding, forwarded

SignToken = Callable[[str, int, str, str], str]
"""From host, port, user and region to a token that stands for a password for a quarter of an hour."""


@dataclass(frozen=True)
class PostgresAccess:
    """The central PostgreSQL as one of our roles sees it; `for_restoring` tells which of its two accounts that is."""

    postgresql: Postgresql
    secrets: Secrets
    sign_token: SignToken
    for_restoring: bool = False

    @contextmanager
    def login(self, database: str) -> Iterator[Login]:
        """Lend a login that has just let us in; a password that was replaced meanwhile is read anew, once.

        Raise ConfigurationError for a secret that cannot be read, TransportError of its kind if SSH does not let us through,
        CaptureError with its reason if PostgreSQL does not let us in.
        """
        with ExitStack() as cleanup:
            forwarding = self._forwarding(cleanup)
            login = self._build(database, forwarding, fresh=False)
            try:
                _try_out(login)
            except psycopg.OperationalError as error:
                renewed = self._renewed(login, database, forwarding)
                if renewed is None:
                    raise _refused(login, error, forwarding) from None
                login = renewed
                try:
                    _try_out(login)
                except psycopg.OperationalError as again:
                    raise _refused(login, again, forwarding) from None
            yield login

    def _renewed(self, refused: Login, database: str, forwarding: Forwarding | None) -> Login | None:
        """Return the login with the secret as it is now, None if that is what was refused."""
        renewed = self._build(database, forwarding, fresh=True)
        return renewed if (renewed.user, renewed.password) != (refused.user, refused.password) else None

    def _build(self, database: str, forwarding: Forwarding | None, *, fresh: bool) -> Login:
        given = self.postgresql
        user, password = self._account(fresh=fresh)
        return Login(
            host=given.host,
            port=forwarding.port if forwarding else given.port,
            user=user,
            password=password,
            database=database,
            sslmode=given.sslmode,
            ca_certificate=given.ca_certificate,
            address=LOOPBACK if forwarding else None,
            connect_timeout=given.connect_timeout.total_seconds(),
        )

    def _account(self, *, fresh: bool) -> tuple[str, str]:
        given = self.postgresql
        if given.authentication is Authentication.IAM:
            user = (given.recovery.user if self.for_restoring else None) or given.user
            if user is None or given.region is None:
                raise ConfigurationError("log in to", given.host, "user or region is missing", "Give both in the fleet file.")
            return user, self.sign_token(given.host, given.port, user, given.region)
        secret = given.restore_secret if self.for_restoring else given.secret
        if secret is None:
            raise ConfigurationError("log in to", given.host, "no secret is named", "Give `secret` in the fleet file.")
        return read_account(self.secrets, secret, fresh=fresh)

    def _forwarding(self, cleanup: ExitStack) -> Forwarding | None:
        ssh: Ssh | None = self.postgresql.restore_ssh if self.for_restoring else self.postgresql.ssh
        if ssh is None:
            return None
        key = self.secrets.get(ssh.key_secret)
        return cleanup.enter_context(forwarded(ssh, key, self.postgresql.host, self.postgresql.port))


def _try_out(login: Login) -> None:
    login.connect().close()


def _refused(login: Login, error: psycopg.OperationalError, forwarding: Forwarding | None) -> Exception:
    broken: TransportError | None = forwarding.error if forwarding else None
    return broken or unreachable(login, str(error))
