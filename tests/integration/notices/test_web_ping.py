"""Pings over real TLS, as Healthchecks takes them."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fleetsave.model.errors import ChannelError
from fleetsave.notices.web_ping import WebPing, open_pool
from tests.fixtures.certificates import write_certificates
from tests.fixtures.notice_servers import WebService, silent_service, web_service

CANARY = "canary0uuid"


@contextmanager
def healthchecks(folder: Path) -> Iterator[tuple[WebService, WebPing]]:
    """Serve HTTPS, and yield the service and a ping that trusts it."""
    authority, certificate, key = write_certificates(folder)
    with web_service((certificate, key)) as service:
        yield service, WebPing(f"https://127.0.0.1:{service.port}/{CANARY}?create=1", "fleet", open_pool(str(authority)))


def test_success_and_failure_are_posted_with_a_text(tmp_path: Path) -> None:
    with healthchecks(tmp_path) as (service, ping):
        ping.call("12 artifacts within target", 5)
        ping.call("1 of 12 not within target: größer\n", 5, failed=True)
    assert [(call.method, call.path, call.body.decode()) for call in service.calls] == [
        ("POST", f"/{CANARY}?create=1", "12 artifacts within target"),
        ("POST", f"/{CANARY}/fail?create=1", "1 of 12 not within target: größer\\n"),
    ]


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500])
def test_anything_but_success_is_an_error_and_no_redirect_is_followed(tmp_path: Path, status: int) -> None:
    with web_service() as other, healthchecks(tmp_path) as (service, ping):
        service.status, service.location = status, f"http://127.0.0.1:{other.port}/"
        with pytest.raises(ChannelError, match=f"send ping of fleet: it was answered with status {status}"):
            ping.call("well", 5)
    assert other.calls == []


def test_a_certificate_that_nobody_vouches_for_is_an_error_and_nothing_is_sent(tmp_path: Path) -> None:
    with healthchecks(tmp_path) as (service, _):
        stranger = WebPing(f"https://127.0.0.1:{service.port}/{CANARY}", "fleet", open_pool())
        with pytest.raises(ChannelError, match="SSLError while sending"):
            stranger.call("well", 5)
    assert service.calls == []


def test_no_address_is_written_anywhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with healthchecks(tmp_path) as (service, ping):
        ping.call("well", 5)
        service.status = 500
        with pytest.raises(ChannelError) as failed:
            ping.call("well", 5)
    assert CANARY not in caplog.text + str(failed.value)


def test_a_service_that_never_answers_is_left_in_time() -> None:
    began = time.monotonic()
    with silent_service() as port, pytest.raises(ChannelError):
        WebPing(f"https://127.0.0.1:{port}/{CANARY}", "fleet", open_pool()).call("well", 1)
    assert time.monotonic() - began < 5
