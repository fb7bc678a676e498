"""The private key that logs in: read from a secret's text, and never shown."""

import io
import json

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from fleetsave.model.errors import ConfigurationError

_HINT = "Store an ed25519, ecdsa or rsa private key as ssh-keygen writes it, or JSON with private_key and passphrase."


def read_private_key(secret: str, secret_name: str) -> paramiko.PKey:
    """Return the key that a secret's text holds: PEM or OpenSSH form, or JSON with `private_key` and perhaps `passphrase`.

    Raise ConfigurationError, naming the secret and showing nothing of it, if there is no usable key in it.
    """
    text, passphrase = _unwrap(secret, secret_name)
    load = load_ssh_private_key if "BEGIN OPENSSH PRIVATE KEY" in text else load_pem_private_key
    try:
        key = load(f"{text.strip()}\n".encode(), passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The reason of the library may quote what it read, so it goes no further.
        cause = "it holds no private key that can be read" if passphrase is None else "the passphrase does not open the key"
        raise ConfigurationError("read private key", secret_name, cause, _HINT) from None
    if isinstance(key, Ed25519PrivateKey):
        kind: type[paramiko.PKey] = paramiko.Ed25519Key
    elif isinstance(key, EllipticCurvePrivateKey):
        kind = paramiko.ECDSAKey
    elif isinstance(key, RSAPrivateKey):
        kind = paramiko.RSAKey
    else:
        raise ConfigurationError("read private key", secret_name, "its kind of key is not supported", _HINT)
    # paramiko reads ed25519 in OpenSSH's form alone; that form does for all of them.
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return kind.from_private_key(io.StringIO(plain.decode()))


def _unwrap(secret: str, secret_name: str) -> tuple[str, bytes | None]:
    if not secret.lstrip().startswith("{"):
        return secret, None
    try:
        value = json.loads(secret)
        passphrase = value.get("passphrase")
        return str(value["private_key"]), None if passphrase is None else str(passphrase).encode()
    except (ValueError, KeyError):
        raise ConfigurationError("read private key", secret_name, "it is not JSON with private_key", _HINT) from None
