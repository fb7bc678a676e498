"""Real Apprise through real sockets: what arrives, what is refused, what hangs, and that no address ever shows."""

import base64
import json
import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from email import message_from_string
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from fleetsave.model.errors import ChannelError
from fleetsave.model.watch import ProblemKind
from fleetsave.notices import messages
from fleetsave.notices.apprise_channel import AppriseChannel
from fleetsave.notices.notice import Notice
from fleetsave.notices.told import Known
from tests.fixtures.certificates import write_certificates
from tests.fixtures.looks import START, make_problem
from tests.fixtures.notice_servers import lead_to, mail_service, silent_service, trickling_service, web_service

CANARY = "canary0token"


def a_notice(what: str = "the newest verified backup is 3 h old, *and* may be 2 h: <b>&amp;</b> @everyone") -> Notice:
    return messages.began("server_001", [Known(make_problem(what=what), START)], START)


def a_long_notice() -> Notice:
    known = [Known(make_problem(ProblemKind.SUSPECT, what="x" * 400, key=f"key {number}"), START) for number in range(20)]
    return messages.began("server_001", known, START)


def test_a_webhook_gets_subject_body_and_severity() -> None:
    with web_service() as service:
        AppriseChannel(f"json://127.0.0.1:{service.port}/{CANARY}?+Authorization=Bearer", 1).send(a_notice(), 10)
    call = service.calls[0]
    content = json.loads(call.body)
    assert (call.method, call.path) == ("POST", f"/{CANARY}")
    assert (content["title"], content["message"], content["type"]) == (a_notice().subject, a_notice().body, "failure")


def test_ntfy_gets_subject_and_body() -> None:
    with web_service() as service:
        AppriseChannel(f"ntfy://user:{CANARY}@127.0.0.1:{service.port}/fleet", 1).send(a_notice(), 10)
    call = service.calls[0]
    content = json.loads(call.body)
    assert (content["topic"], content["title"], content["message"]) == ("fleet", a_notice().subject, a_notice().body)
    assert base64.b64decode(call.headers["authorization"].removeprefix("Basic ")).decode() == f"user:{CANARY}"


def test_mail_gets_subject_and_body() -> None:
    with mail_service() as service:
        AppriseChannel(f"mailto://127.0.0.1:{service.port}/?from=fleet@example.org&to=person@example.org&format=text", 1).send(
            a_notice(), 10
        )
    sender, recipients, text = service.letters[0]
    letter = message_from_string(text)
    content = letter.get_payload(decode=True)
    assert isinstance(content, bytes)
    assert (sender, recipients) == ("fleet@example.org", ["person@example.org"])
    assert str(make_header(decode_header(letter["Subject"]))) == a_notice().subject
    assert content.decode().replace("\r\n", "\n").strip() == a_notice().body


@pytest.mark.parametrize(
    ("address", "host", "path"),
    [
        (f"slack://T1JJ3T3L2/A1BRTD4JD/{CANARY}ABCDEFGHIJKL/#fleet", "hooks.slack.com", "/services/T1JJ3T3L2/A1BRTD4JD/"),
        (f"https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/{CANARY}ABCDEFGHIJKL", "hooks.slack.com", "/services/T1JJ3T3L2/"),
        (f"discord://123456789012345678/{CANARY}", "discord.com", "/api/webhooks/123456789012345678/"),
        (f"https://discord.com/api/webhooks/123456789012345678/{CANARY}", "discord.com", "/api/webhooks/123456789012345678/"),
    ],
)
def test_chats_get_it_over_their_own_tls(
    address: str, host: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, *certificate = write_certificates(tmp_path, name=host)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    with web_service((certificate[0], certificate[1])) as service:
        lead_to(monkeypatch, host, service.port)
        AppriseChannel(address, 1).send(a_notice(), 10)
    call = service.calls[0]
    said = call.body.decode()
    assert call.path.startswith(path)
    assert "no verified backup that is new enough" in said
    assert "fleetsave status --server server_001" in said
    assert "@everyone" not in said


def test_what_looks_like_markup_reaches_slack_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, *certificate = write_certificates(tmp_path, name="hooks.slack.com")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    with web_service((certificate[0], certificate[1])) as service:
        lead_to(monkeypatch, "hooks.slack.com", service.port)
        AppriseChannel(f"slack://T1JJ3T3L2/A1BRTD4JD/{CANARY}ABCDEFGHIJKL", 1).send(a_notice("<!channel> & <b>"), 10)
    assert "&lt; !channel&gt; &amp; &lt;b&gt;" in service.calls[0].body.decode()


def test_a_long_notice_comes_to_discord_in_two_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, *certificate = write_certificates(tmp_path, name="discord.com")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    with web_service((certificate[0], certificate[1])) as service:
        lead_to(monkeypatch, "discord.com", service.port)
        AppriseChannel(f"discord://123456789012345678/{CANARY}", 1).send(a_long_notice(), 10)
    parts = [json.loads(call.body)["content"] for call in service.calls]
    assert len(parts) == 2
    assert b"avatar" not in service.calls[0].body
    assert all(len(part) <= 2_000 for part in parts)
    assert "more problems; fleetsave watch lists all" in parts[-1]


def test_a_redirect_is_not_followed() -> None:
    with web_service() as other, web_service() as service:
        service.status, service.location = 307, f"http://127.0.0.1:{other.port}/"
        with pytest.raises(ChannelError):
            AppriseChannel(f"json://127.0.0.1:{service.port}/{CANARY}", 1).send(a_notice(), 10)
    assert (len(service.calls), other.calls) == (1, [])


@pytest.mark.parametrize(
    "address",
    [
        "json://127.0.0.1:{port}/{canary}?password={canary}",
        "ntfy://{canary}:{canary}@127.0.0.1:{port}/fleet",
        "xml://{canary}@127.0.0.1:{port}/{canary}",
        "form://127.0.0.1:{port}/{canary}",
        "mailto://{canary}:{canary}@127.0.0.1:{mail}/?from={canary}@example.org&to=a@example.org",
        "mailto://{canary}:{canary}@127.0.0.1:{port}/?from={canary}@example.org&to=a@example.org&mode=starttls",
        "json://127.0.0.1:1/{canary}",
        "slack://{canary}",
        "nosuchthing://{canary}",
        "json://[{canary}",
    ],
)
def test_no_address_is_written_anywhere(
    address: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(1)
    logging.getLogger("apprise").setLevel(1)
    with web_service() as service, mail_service() as mail:
        service.status, mail.refusing = 403, True
        channel = AppriseChannel(address.format(port=service.port, mail=mail.port, canary=CANARY), 3)
        with pytest.raises(ChannelError) as failed:
            channel.send(a_notice(), 10)
    printed = capfd.readouterr()
    chain = repr((failed.value.args, failed.value.__cause__))
    assert CANARY not in "\n".join([str(failed.value), chain, channel.name, caplog.text, printed.out, printed.err])
    assert failed.value.target.endswith(" #3")


@pytest.mark.parametrize("service", [silent_service, trickling_service])
@pytest.mark.parametrize(
    "address",
    [
        "json://127.0.0.1:{port}/?rto=300&cto=300&retry=9",
        "ntfy://user:secret@127.0.0.1:{port}/fleet?rto=300&retry=9",
        "mailto://user:secret@127.0.0.1:{port}/?from=a@example.org&to=b@example.org&cto=300&retry=9",
    ],
)
def test_a_service_that_does_not_come_to_an_end_is_left_in_time(
    address: str, service: Callable[[], AbstractContextManager[int]]
) -> None:
    began = time.monotonic()
    with service() as port, pytest.raises(ChannelError, match=r"took longer than 1 s|not taken"):
        AppriseChannel(address.format(port=port), 1).send(a_notice(), 1)
    assert time.monotonic() - began < 3
