import json

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from fleetsave.model.errors import ConfigurationError
from fleetsave.transports.private_key import read_private_key

ED25519 = ed25519.Ed25519PrivateKey.generate()
KEYS = [
    (ED25519, paramiko.Ed25519Key),
    (ec.generate_private_key(ec.SECP256R1()), paramiko.ECDSAKey),
    (rsa.generate_private_key(65537, 2048), paramiko.RSAKey),
]
PLAIN = ED25519.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
LOCKED = ED25519.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, BestAvailableEncryption(b"open sesame")).decode()


@pytest.mark.parametrize(("key", "kind"), KEYS, ids=["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("form", [PrivateFormat.OpenSSH, PrivateFormat.PKCS8])
def test_every_kind_is_read_in_every_form(key: ed25519.Ed25519PrivateKey, kind: type[paramiko.PKey], form: PrivateFormat) -> None:
    text = key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    for variant in (text, text.strip(), text.replace("\n", "\r\n"), f"\n{text}\n"):
        read = read_private_key(variant, "name")
        assert isinstance(read, kind)
        assert read.can_sign()


def test_a_key_in_json_may_have_a_passphrase() -> None:
    plain = read_private_key(json.dumps({"private_key": PLAIN}), "name")
    assert (
        plain
        == read_private_key(json.dumps({"private_key": LOCKED, "passphrase": "open sesame"}), "name")
        == read_private_key(PLAIN, "name")
    )


@pytest.mark.parametrize(
    ("secret", "cause"),
    [
        ("", "no private key"),
        ("hunter2", "no private key"),
        (PLAIN[:200], "no private key"),
        (LOCKED, "no private key"),
        (json.dumps({"private_key": LOCKED, "passphrase": "hunter2"}), "passphrase does not open"),
        ('{"private_key": "hunter2', "not JSON"),
        ('{"key": "hunter2"}', "not JSON with private_key"),
        (
            dsa.generate_private_key(2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            "not supported",
        ),
    ],
    ids=["empty", "word", "cut", "locked", "wrong passphrase", "half json", "other json", "dsa"],
)
def test_what_is_no_usable_key_is_refused_by_the_name_of_its_secret_alone(secret: str, cause: str) -> None:
    with pytest.raises(ConfigurationError, match=cause) as caught:
        read_private_key(secret, "fleet/key")
    assert caught.value.target == "fleet/key"
    assert caught.value.__cause__ is None
    for part in ("hunter2", PLAIN.splitlines()[1], LOCKED.splitlines()[1]):
        assert part not in repr(caught.value)
