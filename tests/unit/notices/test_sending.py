import logging
import threading

import pytest

from fleetsave.model.errors import ChannelError
from fleetsave.notices.sending import within


def test_what_works_in_time_is_no_error() -> None:
    within(5, "send", "json #1", lambda: None)


def test_why_it_failed_is_told() -> None:
    with pytest.raises(ChannelError, match="send json #1: it was not taken"):
        within(5, "send", "json #1", lambda: "it was not taken")


def test_of_what_is_raised_only_the_kind_is_told() -> None:
    def work() -> None:
        raise ValueError("https://canary0token")

    with pytest.raises(ChannelError, match="ValueError while sending") as failed:
        within(5, "send", "json #1", work)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__
    assert "canary0token" not in str(failed.value)


def test_what_hangs_is_left_to_itself() -> None:
    go_on = threading.Event()

    def work() -> None:
        go_on.wait(60)

    with pytest.raises(ChannelError, match="it took longer than 0 s"):
        within(0.05, "send", "json #1", work)
    go_on.set()


def test_no_line_of_the_call_is_written_and_those_of_others_are(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    http, apprise = logging.getLogger("urllib3.connectionpool"), logging.getLogger("apprise")

    def work() -> None:
        http.debug("POST /canary0token")
        apprise.error("could not load canary0token")

    within(5, "send", "json #1", work)
    http.debug("POST /of-somebody-else")
    assert [record.getMessage() for record in caplog.records] == ["POST /of-somebody-else"]
