"""Who is let in: host keys are checked before any login, and what is refused says why without showing a secret."""

import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from fleetsave.local.processes import free_port
from fleetsave.local.sshd import SshServer
from fleetsave.model.errors import AuthenticationError, FleetsaveError, HostKeyError, TransportError
from fleetsave.model.fleet import Ssh
from fleetsave.transports.ssh import SshTransport

Key = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def private_text(key: Key, passphrase: bytes | None = None, form: PrivateFormat = PrivateFormat.OpenSSH) -> str:
    protection = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, form, protection).decode()


def public_line(key: Key) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    with SshServer(tmp_path / "sshd") as server:
        yield server


def greet(ssh: Ssh, private_key: str) -> bytes:
    transport = SshTransport(ssh, private_key, stall_seconds=5)
    try:
        return transport.run(["printf", "hello"], timeout=10).output
    finally:
        transport.close()


def log_of(server: SshServer) -> str:
    """Return the log once the connection made last is closed in it."""
    deadline = time.monotonic() + 5
    while not re.search("Connection (closed|reset) by", server.log.read_text().rpartition("Connection from")[2]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return server.log.read_text()


def assert_no_login_was_tried(server: SshServer) -> None:
    log = log_of(server)
    assert "publickey" not in log
    assert "Accepted" not in log
    assert "authenticating user" not in log


def test_an_unknown_host_key_is_refused_before_any_login(server: SshServer) -> None:
    other = public_line(ed25519.Ed25519PrivateKey.generate())
    ssh = server.ssh_settings().model_copy(update={"host_keys": [other]})
    with pytest.raises(HostKeyError) as caught:
        greet(ssh, server.private_key)
    assert not caught.value.retryable
    assert str(caught.value).count("SHA256:") == 2
    assert "ssh-keyscan" in caught.value.hint
    assert_no_login_was_tried(server)


def test_a_changed_host_key_is_refused_before_any_login(server: SshServer, tmp_path: Path) -> None:
    ssh = server.ssh_settings()
    assert greet(ssh, server.private_key) == b"hello"
    server.stop()
    with SshServer(tmp_path / "impostor", port=server.port) as impostor:
        with pytest.raises(HostKeyError):
            greet(ssh, server.private_key)
        assert_no_login_was_tried(impostor)


def test_a_restarted_server_keeps_its_keys(server: SshServer, tmp_path: Path) -> None:
    server.kill()
    with SshServer(tmp_path / "sshd", port=server.port):
        assert greet(server.ssh_settings(), server.private_key) == b"hello"


def test_a_host_key_of_another_kind_than_pinned_is_shown(server: SshServer) -> None:
    other = public_line(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(HostKeyError, match="the server offered ssh-ed25519 SHA256:") as caught:
        greet(server.ssh_settings().model_copy(update={"host_keys": [other]}), server.private_key)
    assert "ecdsa-sha2-nistp256 SHA256:" in caught.value.hint
    assert_no_login_was_tried(server)


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)], ids=["ec", "rsa"]
)
def test_of_several_host_keys_the_pinned_one_is_asked_for(tmp_path: Path, key: Key) -> None:
    extra = tmp_path / "extra_host_key"
    extra.touch(mode=0o600)
    extra.write_text(private_text(key))
    with SshServer(tmp_path / "sshd", configuration=[f"HostKey {extra}"]) as server:
        pinned = [public_line(ed25519.Ed25519PrivateKey.generate()), f"{public_line(key)} with a comment"]
        for host_keys in ([pinned[1]], [server.host_key_line]):
            assert greet(server.ssh_settings().model_copy(update={"host_keys": host_keys}), server.private_key) == b"hello"


def test_a_client_key_that_is_not_authorised_is_refused_with_the_way_to_mend_it(server: SshServer) -> None:
    with pytest.raises(AuthenticationError) as caught:
        greet(server.ssh_settings("game-server-key"), private_text(ed25519.Ed25519PrivateKey.generate()))
    assert not caught.value.retryable
    for word in ("game-server-key", f"'{server.user}'", "authorized_keys", "SHA256:"):
        assert word in caught.value.hint


def test_a_user_that_may_not_log_in_is_refused(server: SshServer) -> None:
    with pytest.raises(AuthenticationError, match="nobody"):
        greet(server.ssh_settings().model_copy(update={"user": "nobody"}), server.private_key)


KEYS: dict[str, Key] = {
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "ecdsa": ec.generate_private_key(ec.SECP384R1()),
    "rsa": rsa.generate_private_key(65537, 2048),
}


@pytest.mark.parametrize("kind", KEYS)
def test_every_kind_of_client_key_in_every_form_logs_in(server: SshServer, tmp_path: Path, kind: str) -> None:
    key = KEYS[kind]
    (tmp_path / "sshd" / "authorized_keys").write_text(public_line(key))
    locked = json.dumps({"private_key": private_text(key, b"open sesame"), "passphrase": "open sesame"})
    for secret in (private_text(key), private_text(key, form=PrivateFormat.PKCS8), locked):
        assert greet(server.ssh_settings(), secret) == b"hello"


def test_a_refused_connection_may_pass_later(server: SshServer) -> None:
    with pytest.raises(TransportError, match="refused") as caught:
        greet(server.ssh_settings().model_copy(update={"port": free_port()}), server.private_key)
    assert caught.value.retryable


def test_a_connection_that_ends_within_the_login_is_no_refusal(server: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = paramiko.Transport.auth_publickey

    def cut(transport: paramiko.Transport, user: str, key: paramiko.PKey) -> list[str]:
        transport.sock.shutdown(socket.SHUT_RD)  # the server's answer never comes
        return answer(transport, user, key)

    monkeypatch.setattr(paramiko.Transport, "auth_publickey", cut)
    with pytest.raises(TransportError) as caught:
        greet(server.ssh_settings(), server.private_key)
    assert caught.value.retryable
    assert not isinstance(caught.value, AuthenticationError)


def test_a_host_that_has_no_address_may_have_one_later(server: SshServer) -> None:
    with pytest.raises(TransportError) as caught:
        greet(server.ssh_settings().model_copy(update={"host": "no-such-host.invalid"}), server.private_key)
    assert caught.value.retryable


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.0 400 Bad Request\r\n\r\n", b"SSH-2.0-silent\r\n"])
def test_whoever_does_not_speak_ssh_is_left_within_the_connect_timeout(server: SshServer, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ssh = server.ssh_settings().model_copy(
            update={"port": listener.getsockname()[1], "connect_timeout": timedelta(seconds=0.5)}
        )
        taken: list[socket.socket] = []
        listener.settimeout(5)
        started = time.monotonic()
        transport = SshTransport(ssh, server.private_key)

        def talk() -> None:
            taken.append(listener.accept()[0])
            taken[0].sendall(answer)

        thread = threading.Thread(target=talk)
        thread.start()
        with pytest.raises(TransportError) as caught:
            transport.run(["true"], timeout=5)
        thread.join()
        assert caught.value.retryable
        assert time.monotonic() - started < 4
        taken[0].close()


def test_a_full_listener_is_left_within_the_connect_timeout(server: SshServer) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), socket.socket() as waiting:
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
            ssh = server.ssh_settings().model_copy(update={"port": port, "connect_timeout": timedelta(seconds=0.5)})
            started = time.monotonic()
            with pytest.raises(TransportError) as caught:
                greet(ssh, server.private_key)
            assert caught.value.retryable
            assert time.monotonic() - started < 4


def test_the_private_key_is_in_no_error_and_no_log(server: SshServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="paramiko")
    stranger = private_text(ed25519.Ed25519PrivateKey.generate())
    ssh = server.ssh_settings()
    texts = []
    for settings, secret in (
        (ssh, stranger),
        (ssh, stranger[:-60]),
        (ssh, json.dumps({"private_key": stranger, "passphrase": 7})),
        (ssh.model_copy(update={"port": free_port()}), stranger),
        (ssh.model_copy(update={"host_keys": [public_line(ed25519.Ed25519PrivateKey.generate())]}), stranger),
    ):
        with pytest.raises(FleetsaveError) as caught:
            greet(settings, secret)
        error: BaseException | None = caught.value
        while error is not None:
            texts += [str(error), repr(error), repr(error.args)]
            error = error.__cause__
    assert greet(ssh, server.private_key) == b"hello"
    texts += [record.getMessage() for record in caplog.records]
    assert any("paramiko" in record.name for record in caplog.records)
    secrets = [line for key in (stranger, server.private_key) for line in key.splitlines()[1:-1]]
    assert not [text for text in texts if any(secret in text for secret in secrets)]
