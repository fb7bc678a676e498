"""A look is told of by real channels of which some fail, and told again to those alone."""

import json
import logging
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from fleetsave.notices.opening import open_ports
from fleetsave.notices.room import NoticeOutcome, tell
from fleetsave.notices.told import TOLD_KEY
from tests.fakes.memory_store import MemoryStore
from tests.fixtures.certificates import write_certificates
from tests.fixtures.looks import START, at_look, make_problem, make_report
from tests.fixtures.notice_servers import Call, silent_service, web_service

CANARY = "canary0token"


def titles(calls: list[Call]) -> list[Any]:
    return [json.loads(call.body)["title"] for call in calls]


def test_one_that_hangs_and_one_that_fails_hold_up_nobody_and_are_told_in_the_next_look(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    store = MemoryStore(lambda: START)
    with web_service() as good, web_service() as failing, silent_service() as port:
        addresses = [f"json://127.0.0.1:{at}/{CANARY}" for at in (port, failing.port, good.port)]
        ports = open_ports(store, lambda: json.dumps({"notices": addresses}), None, None)
        failing.status = 500
        began = time.monotonic()
        first = tell(make_report([make_problem()]), ports, START)
        took = time.monotonic() - began
        failing.status = 200
        second = tell(make_report([make_problem()]), ports, at_look(1))
    summary = "[CRITICAL] summary: 1 of 1 artifact within target, 1 problem open"
    assert (titles(good.calls), titles(failing.calls)) == ([summary], [summary, summary])
    assert [error.target for error in first.failures] == ["json #1", "json #2"]
    assert (first.sent, second.sent, second.waiting) == (1, 1, 1)
    assert took < 15
    written = store.get(TOLD_KEY).decode() + caplog.text + "".join(str(error) for error in first.failures)
    assert CANARY not in written


def test_topic_webhook_and_pings_of_one_secret(tmp_path: Path) -> None:
    authority, certificate, key = write_certificates(tmp_path)
    store, outcomes = MemoryStore(lambda: START), list[NoticeOutcome]()
    with mock_aws(), web_service() as hook, web_service((certificate, key)) as checks:
        sns = boto3.client("sns", region_name="eu-central-1")
        topic = sns.create_topic(Name="alerts")["TopicArn"]
        base = f"https://127.0.0.1:{checks.port}"
        secret = {
            "notices": [f"json://127.0.0.1:{hook.port}"],
            "pings": {"fleet": f"{base}/fleet", "server_001/database/database": f"{base}/one"},
        }
        for number in range(2):
            ports = open_ports(store, lambda: json.dumps(secret), sns, topic, authority=str(authority))
            outcomes.append(tell(make_report(), ports, at_look(number)))
    assert [(one.sent, one.pinged, list(one.failures)) for one in outcomes] == [(2, 2, []), (0, 1, [])]
    assert [call.path for call in checks.calls] == ["/fleet", "/one", "/fleet"]
