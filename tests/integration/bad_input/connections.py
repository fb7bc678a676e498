"""Servers that are not what they should be, and logins that they refuse."""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from fleetsave.local.processes import free_port
from fleetsave.local.sshd import SshServer
from tests.integration.bad_input.case import Case, Mend
from tests.integration.bad_input.station import KEY_SECRET, Station


def change_ssh(**settings: object) -> Callable[[Station], Mend]:
    def spoil(station: Station) -> Mend:
        right = dict(station.server["ssh"])
        station.server["ssh"] |= settings
        station.push_fleet()

        def mend() -> None:
            station.server["ssh"] = right
            station.push_fleet()

        return mend

    return spoil


def public_line() -> str:
    return Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _nobody_listens(station: Station) -> Mend:
    return change_ssh(port=free_port())(station)


def _change_host_key(station: Station) -> None:
    with SshServer(station.folder / "first") as first:
        station.server["ssh"] |= {"port": first.port, "host_keys": [first.host_key_line]}
        station.secrets[KEY_SECRET] = first.private_key
    station.push_fleet()
    station.cleanup.enter_context(impostor := SshServer(station.folder / "second", port=first.port))
    station.secrets[KEY_SECRET] = impostor.private_key


def _secret(text: str | None) -> Callable[[Station], Mend]:
    def spoil(station: Station) -> Mend:
        right = station.secrets.pop(KEY_SECRET)
        if text is not None:
            station.secrets[KEY_SECRET] = text
        return lambda: station.secrets.update({KEY_SECRET: right})

    return spoil


def _stranger_key() -> str:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


CONNECTIONS = [
    Case("unknown host key", change_ssh(host_keys=[public_line()]), "HostKeyError", "ssh-keyscan", mended=True),
    Case("changed host key", _change_host_key, "HostKeyError", "Someone may be between you and the server"),
    Case("host key that is none", change_ssh(host_keys=["ssh-ed25519 AAAA"]), "ConfigurationError", "not a public host key"),
    Case("wrong client key", _secret(_stranger_key()), "AuthenticationError", "authorized_keys"),
    Case("user who may not log in", change_ssh(user="nobody"), "AuthenticationError", "user 'nobody'"),
    Case("connection refused", _nobody_listens, "TransportError", "sshd runs", retryable=True, kept=True, mended=True),
    Case("secret missing", _secret(None), "ConfigurationError", "ResourceNotFoundException", mended=True),
    Case("secret that is no key", _secret("CANARY-not-a-private-key"), "ConfigurationError", "holds no private key", mended=True),
    Case("secret that is no JSON with a key", _secret('{"CANARY-a-key": 1}'), "ConfigurationError", "not JSON with private_key"),
    Case("secret that is cut off", _secret(_stranger_key()[:200]), "ConfigurationError", "holds no private key"),
]
