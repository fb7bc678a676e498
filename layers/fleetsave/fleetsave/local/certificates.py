"""A certificate authority of the local stack's own, and a certificate of it for the loopback address."""

import ipaddress
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_VALID = timedelta(days=3650)
"""Longer than anybody keeps a local stack's state."""


def write_certificates(folder: Path, *, name: str = "localhost", valid: timedelta = _VALID) -> tuple[Path, Path, Path]:
    """Write and return authority, certificate and private key, all PEM; they stand for `localhost` and 127.0.0.1.

    They stand for another `name` alone if one is given. `valid` is for how long from now, which may be over already.
    """
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name, until = _name("fleetsave local authority"), datetime.now(UTC) + valid
    authority = _certificate(authority_name, authority_name, authority_key, authority_key, until, is_authority=True)
    certificate = _certificate(_name(name), authority_name, server_key, authority_key, until, is_authority=False)
    paths = folder / "authority.pem", folder / "server.pem", folder / "server.key"
    paths[0].write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    with open(paths[2], "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(
            server_key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
    return paths


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    until: datetime,
    *,
    is_authority: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        # Strict clients, such as Python's since 3.13, ask whose key it is.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(_usage(is_authority=is_authority), critical=True)
    )
    if not is_authority:
        builder = builder.add_extension(x509.SubjectAlternativeName(_names_of(subject)), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _names_of(subject: x509.Name) -> list[x509.GeneralName]:
    name = str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    loopback = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))] if name == "localhost" else []
    return [x509.DNSName(name), *loopback]


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
