"""One SSH connection: made, its host key checked, logged in, and never left waiting without a limit."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import paramiko
from paramiko.ssh_exception import IncompatiblePeer

from fleetsave.model.errors import AuthenticationError, HostKeyError, StalledError, TransportError
from fleetsave.model.fleet import Ssh
from fleetsave.transports.host_keys import ALGORITHMS, PinnedKeys, read_pinned_keys
from fleetsave.transports.private_key import read_private_key

# What paramiko logs as an error, with its stack, it also raises; ours says it once, with what to do.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)

_CONNECTION_LOST = "transport shut down or saw EOF"
"""What paramiko says, as of a refused login, when the connection ended before the server had answered (auth_handler.py)."""

_CIPHERS = (
    "aes128-gcm@openssh.com",  # the quickest: it needs no second pass for a checksum
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
_WINDOW = 4 << 20
_PACKET = 128 << 10
# A key exchange that paramiko starts itself can deadlock: if the server closes a channel while it runs, paramiko's one
# reading thread waits for the exchange that only it can finish (paramiko issue 822, open). So we never start one, up to the
# amount at which OpenSSH would ask for one anyway; exchanges the server starts cannot be met by a close, and pass.
_BYTES_WITHOUT_NEW_KEYS = 1 << 36


class SshThread(paramiko.Transport):
    """paramiko's reading thread; whatever it stumbles over is told as an SSHException.

    Bytes that were changed on their way may end it with any exception there is: a wrong tag under GCM is one of cryptography's.
    """

    def get_exception(self) -> Exception | None:
        """Return why the thread has ended, once; None if it has not, or was asked already."""
        error = super().get_exception()
        if error is None or isinstance(error, OSError | EOFError | paramiko.SSHException):
            return error
        odd = paramiko.SSHException(f"what came cannot be read: {type(error).__name__} {error}".rstrip())
        odd.__cause__ = error
        return odd


class Login:
    """Who logs in where: the fleet file's `ssh` section with its private key and pinned keys, read once.

    Raise ConfigurationError if the key or a pinned key cannot be read.
    """

    def __init__(self, ssh: Ssh, private_key: str, *, stall_seconds: float) -> None:
        self.ssh = ssh
        self.stall_seconds = stall_seconds
        self.target = f"{ssh.user}@{ssh.host}:{ssh.port}"
        self._pinned = read_pinned_keys(ssh)
        self._key = read_private_key(private_key, ssh.key_secret)

    def connect(self) -> "Connection":
        """Return a connection that is logged in.

        Raise HostKeyError before any login, AuthenticationError if it is refused, TransportError if there is no way through.
        """
        transport = self._handshake(self._pinned)
        try:
            self._pinned.require(transport.get_remote_server_key(), self.ssh)
            self._log_in(transport)
        except BaseException:
            transport.close()
            raise
        return Connection(transport, self.target, self.stall_seconds)

    def _handshake(self, pinned: PinnedKeys) -> paramiko.Transport:
        try:
            return self._start(pinned.algorithms)
        except IncompatiblePeer as error:
            incompatible = error
        # Perhaps it has no host key of a pinned kind: see which it has, to say so.
        try:
            transport = self._start(ALGORITHMS)
        except IncompatiblePeer:
            raise TransportError(
                "connect to", self.target, str(incompatible), "Let the server's sshd offer current algorithms."
            ) from incompatible
        try:
            pinned.require(transport.get_remote_server_key(), self.ssh)
        finally:
            transport.close()
        raise HostKeyError("check host key", self.target, "the server presents different keys each time", "Look at its sshd.")

    def _start(self, host_key_algorithms: tuple[str, ...]) -> paramiko.Transport:
        limit = self.ssh.connect_timeout.total_seconds()
        transport: paramiko.Transport | None = None
        try:
            connected = socket.create_connection((self.ssh.host, self.ssh.port), limit)
            _notice_dead_peers(connected, self.stall_seconds)
            transport = SshThread(connected, default_window_size=_WINDOW, default_max_packet_size=_PACKET)
            transport.packetizer.REKEY_BYTES = _BYTES_WITHOUT_NEW_KEYS
            transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = limit
            transport.clear_to_send_timeout = transport.channel_timeout = self.stall_seconds
            options = transport.get_security_options()
            options.ciphers = _CIPHERS
            options.key_types = host_key_algorithms
            transport.start_client(timeout=limit)
            if not transport.initial_kex_done:  # paramiko returns from a timeout as from success
                raise TimeoutError(f"no SSH handshake within {limit:g} s")
        except (OSError, EOFError, paramiko.SSHException) as error:
            if transport is not None:
                transport.close()
            if isinstance(error, IncompatiblePeer):
                raise
            raise TransportError(
                "connect to",
                self.target,
                str(error) or type(error).__name__,
                "Check host and port, that sshd runs, and that the firewall lets us in.",
                retryable=True,
            ) from error
        return transport

    def _log_in(self, transport: paramiko.Transport) -> None:
        try:
            more = transport.auth_publickey(self.ssh.user, self._key)
        except paramiko.AuthenticationException as error:
            if _CONNECTION_LOST in str(error):
                raise self._lost_in_login(error) from error
            raise self._refused(str(error).rstrip(".")) from error
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise self._lost_in_login(error) from error
        if more:
            raise self._refused(f"the server also wants {' or '.join(more)}")

    def _lost_in_login(self, error: Exception) -> TransportError:
        cause = str(error) or type(error).__name__
        return TransportError("log in to", self.target, cause, "Look at the server's sshd log.", retryable=True)

    def _refused(self, cause: str) -> AuthenticationError:
        return AuthenticationError(
            "log in to",
            self.target,
            cause,
            f"Add the public half of secret '{self.ssh.key_secret}' ({self._key.fingerprint}) to ~/.ssh/authorized_keys of "
            f"user '{self.ssh.user}' on the server; its sshd log tells why it refused.",
        )


class Connection:
    """A connection that is logged in; `received` counts the bytes that its channels gave."""

    def __init__(self, transport: paramiko.Transport, target: str, stall_seconds: float) -> None:
        self._transport = transport
        self.target = target
        self.stall_seconds = stall_seconds
        self.received = 0

    @property
    def is_active(self) -> bool:
        """Tell whether the connection stands, as far as is known."""
        return self._transport.is_active()

    def execute(self, command: bytes) -> paramiko.Channel:
        """Return a channel to a command the login shell runs. Raise TransportError if the server does not let us."""
        with self._channel("run a command on") as channel:
            channel.exec_command(command)
        return channel

    def sftp(self) -> paramiko.Channel:
        """Return a channel to the server's SFTP subsystem. Raise TransportError if it has none."""
        with self._channel("open SFTP on") as channel:
            channel.invoke_subsystem("sftp")
        return channel

    def forward(self, host: str, port: int) -> paramiko.Channel:
        """Return a channel to an address that the server reaches. Raise TransportError if it does not, or must not."""
        try:
            return self._transport.open_channel("direct-tcpip", (host, port), ("127.0.0.1", 0), timeout=self.stall_seconds)
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise TransportError(
                "forward through",
                self.target,
                f"{host}:{port} cannot be reached from there ({error})",
                "Look at host and port in the fleet file, and at AllowTcpForwarding and PermitOpen of the server's sshd.",
                retryable=True,
            ) from error

    def close(self) -> None:
        """Close the connection with all its channels; closing twice is no error."""
        self._transport.close()

    @contextmanager
    def _channel(self, operation: str) -> Iterator[paramiko.Channel]:
        """Open a channel whose request must be answered within the stall limit; paramiko alone would wait for ever."""
        try:
            channel = self._transport.open_session(timeout=self.stall_seconds)
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise self._unanswered(operation, error) from error
        late = threading.Event()

        def give_up() -> None:
            late.set()
            channel.close()

        watch = threading.Timer(self.stall_seconds, give_up)
        watch.daemon = True
        watch.start()
        try:
            yield channel
        except (OSError, EOFError, paramiko.SSHException) as error:
            channel.close()
            if late.is_set():
                raise self._unanswered(operation, error) from error
            raise TransportError(
                operation,
                self.target,
                "the server refused" if self.is_active else f"the connection was lost ({error})",
                "Let sshd offer it to this account (Subsystem sftp, ForceCommand, MaxSessions).",
                retryable=not self.is_active,
            ) from error
        finally:
            watch.cancel()

    def _unanswered(self, operation: str, error: Exception) -> TransportError:
        if self.is_active and not isinstance(error, paramiko.ChannelException):
            self.close()  # nothing that waits on it will hear more; the next use makes another
            return StalledError(
                operation,
                self.target,
                f"no answer within {self.stall_seconds:g} s",
                "See whether the server or the network is overloaded.",
                retryable=True,
            )
        return TransportError(
            operation, self.target, str(error) or "the connection was lost", "See the server's sshd log.", retryable=True
        )


def _notice_dead_peers(connected: socket.socket, stall_seconds: float) -> None:
    """Let the kernel find a peer that is gone; SSH's own keepalive may be sent in the middle of a key exchange and stop it."""
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(stall_seconds * 1000))
