import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fleetsave.model.errors import ConfigurationError, HostKeyError
from fleetsave.model.fleet import Ssh
from fleetsave.transports.host_keys import read_pinned_keys


def line(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


# Fixed, since some stand in the names of tests, which must be the same in every process.
ED25519, OTHER = (line(ed25519.Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)) for seed in (1, 2))
ECDSA = line(ec.generate_private_key(ec.SECP384R1()))
RSA = line(rsa.generate_private_key(65537, 2048))


def ssh(*host_keys: str) -> Ssh:
    return Ssh(host="game.example", port=2222, user="backup", host_keys=list(host_keys), key_secret="key")


def offered(public: str) -> paramiko.PKey:
    return read_pinned_keys(ssh(public)).keys[0]


def test_only_the_algorithms_of_pinned_keys_are_asked_for() -> None:
    assert read_pinned_keys(ssh(ED25519)).algorithms == ("ssh-ed25519",)
    assert read_pinned_keys(ssh(RSA)).algorithms == ("rsa-sha2-512", "rsa-sha2-256")
    assert read_pinned_keys(ssh(RSA, ECDSA, ED25519, OTHER)).algorithms == (
        "ssh-ed25519",
        "ecdsa-sha2-nistp384",
        "rsa-sha2-512",
        "rsa-sha2-256",
    )


def test_any_pinned_key_is_accepted_with_or_without_a_comment() -> None:
    pinned = read_pinned_keys(ssh(ED25519, f"  {ECDSA} root@game  "))
    pinned.require(offered(ED25519), ssh(ED25519))
    pinned.require(offered(ECDSA), ssh(ED25519))


def test_another_key_of_the_same_kind_is_refused_with_both_fingerprints() -> None:
    with pytest.raises(HostKeyError) as caught:
        read_pinned_keys(ssh(ED25519)).require(offered(OTHER), ssh(ED25519))
    assert offered(OTHER).fingerprint in caught.value.cause
    assert offered(ED25519).fingerprint in caught.value.hint
    assert "ssh-keyscan -p 2222 game.example" in caught.value.hint
    assert not caught.value.retryable


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "ssh-ed25519 not base64!",
        ED25519[:40],
        ED25519.replace("ssh-ed25519", "ssh-rsa"),
        f"game.example {ED25519}",
        "SHA256:abcdef",
        "ünïcode",
    ],
)
def test_a_malformed_pinned_key_is_named(bad: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_pinned_keys(ssh(ED25519, bad))
    assert f"'{bad}'" in caught.value.cause
