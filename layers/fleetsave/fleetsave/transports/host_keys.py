"""Pinned host keys: which the server must present, and what is said when it presents another."""

from dataclasses import dataclass

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key

from fleetsave.model.errors import ConfigurationError, HostKeyError
from fleetsave.model.fleet import Ssh

_RSA = ("rsa-sha2-512", "rsa-sha2-256")
ALGORITHMS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", *_RSA)


@dataclass(frozen=True)
class PinnedKeys:
    """The host keys a server may present.

    `algorithms` are all that is to be asked for: a server with several keys then presents one that is pinned.
    """

    keys: tuple[paramiko.PKey, ...]
    algorithms: tuple[str, ...]

    def require(self, offered: paramiko.PKey, ssh: Ssh) -> None:
        """Raise HostKeyError, telling how to check and to pin, unless the offered key is one of these."""
        if offered.asbytes() in [key.asbytes() for key in self.keys]:
            return
        raise HostKeyError(
            "check host key",
            f"{ssh.host}:{ssh.port}",
            f"the server offered {_describe(offered)}, which is not pinned; no login was tried",
            f"Pinned: {', '.join(_describe(key) for key in self.keys)}. Someone may be between you and the server, or it was "
            "set up anew. Compare the fingerprint on the server's own console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub) "
            f"with that of `ssh-keyscan -p {ssh.port} {ssh.host} | ssh-keygen -lf -`; only if they agree, put the public line "
            "in host_keys.",
        )


def read_pinned_keys(ssh: Ssh) -> PinnedKeys:
    """Read the public lines of `host_keys` ("ssh-ed25519 AAAA... comment"). Raise ConfigurationError naming the first bad one."""
    keys = tuple(_read(line, ssh) for line in ssh.host_keys)
    names = {key.get_name() for key in keys}
    wanted = [name for name in ALGORITHMS if name in names] + (list(_RSA) if "ssh-rsa" in names else [])
    return PinnedKeys(keys, tuple(wanted))


def _read(line: str, ssh: Ssh) -> paramiko.PKey:
    try:
        public = load_ssh_public_key(line.strip().encode()).public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        blob = paramiko.pkey.PublicBlob.from_string(public.decode())
        return paramiko.PKey.from_type_string(blob.key_type, blob.key_blob)
    except (ValueError, UnsupportedAlgorithm, paramiko.pkey.UnknownKeyType):
        raise ConfigurationError(
            "read pinned host key",
            f"{ssh.host}:{ssh.port}",
            f"'{line}' is not a public host key of a supported kind",
            f"Write it as `ssh-keyscan -p {ssh.port} {ssh.host}` prints it, without the host: 'ssh-ed25519 AAAA...'.",
        ) from None


def _describe(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.fingerprint}"
