"""The recover commands over real HTTP, signed, against the API's own door: from the plan to the proof and back."""

import json
import logging
import threading
from collections.abc import Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from fleetsave.cli.connect_api import API_REGION, API_URL
from fleetsave.cli.main import main
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import RecoveryState
from fleetsave.observability import SERVICE
from tests.integration.api.wsgi import Gateway
from tests.unit.api.world import FIRST, MISSION, World

SECOND = FIRST.replace("000001", "000002")


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Working(World):
    """A world in which a worker takes up each recovery when it is looked at, and ends it at the next look."""

    looks = 0

    def work(self) -> World:
        unfinished = [job.recovery_id for job in self.queue.jobs if not self.recoveries.load(job.recovery_id).is_finished]
        if unfinished:
            self.looks += 1
            if self.looks % 3 == 0:
                self.finish(str(unfinished[0]))
        return self


@pytest.fixture
def world() -> Working:
    return Working()


@pytest.fixture
def gateway(world: Working, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """Serve the API on this machine, named in the environment as an operator would."""
    gateway = Gateway(world.work)
    server = make_server("127.0.0.1", 0, gateway, handler_class=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setenv(API_URL, f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv(API_REGION, "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the secret key")
    # The API logs to standard output, which it shares with the command line here.
    monkeypatch.setattr(logging.getLogger(SERVICE), "disabled", True)
    yield gateway
    server.shutdown()
    thread.join()
    server.server_close()


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = main(["recover", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_backup_is_brought_back_followed_to_its_proof_and_undone(
    gateway: Gateway, world: Working, capsys: pytest.CaptureFixture[str]
) -> None:
    code, plan = run(capsys, "start", "server_001", "--dry-run")
    assert (code, world.jobs) == (0, [])
    assert plan["plan"]["backup_key"] == f"{MISSION['backup_key']}.zst"
    code, recovery = run(capsys, "start", "server_001", "--backup", MISSION["backup_key"], "--yes")
    assert (code, recovery["id"], recovery["status"]) == (0, FIRST, "recovered")
    assert recovery["proof"]["findings"]
    code, undone = run(capsys, "undo", FIRST, "--yes")
    assert (code, undone["id"], undone["undo_of"]) == (0, SECOND, FIRST)
    assert undone["backup_key"] == recovery["safety_backup"]["backup_key"]
    assert [one["id"] for one in run(capsys, "list", "--server", "server_001")[1]["recoveries"]] == [SECOND, FIRST]
    assert main(["recover", "show", FIRST]) == 0
    assert "proof, found on the server:" in capsys.readouterr().out
    assert all(gateway.signed)


def test_one_recovery_at_a_time_and_it_can_be_cancelled(
    gateway: Gateway, world: Working, capsys: pytest.CaptureFixture[str]
) -> None:
    code, begun = run(capsys, "start", "server_001", "--yes", "--no-wait")
    assert (code, begun["status"]) == (0, "queued")
    code, refused = run(capsys, "start", "server_001", "--yes")
    assert (code, refused["reason"]) == (4, "recovery_running")
    assert FIRST in refused["cause"]
    world.looks = 0
    code, cancelled = run(capsys, "cancel", FIRST)
    assert (code, cancelled["status"]) == (0, "cancelling")
    world.step(FIRST, RecoveryState.CANCELLED)
    assert run(capsys, "watch", FIRST)[0] == 8
    assert run(capsys, "cancel", FIRST)[1]["reason"] == "already_finished"
    assert 409 in gateway.answered


@pytest.mark.usefixtures("gateway")
@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("start", "server_009", "--yes"), 5, "unknown_server"),
        (("start", "server_003", "--yes"), 2, "ambiguous_artifact"),
        (("start", "server_002", "--backup", MISSION["backup_key"]), 2, "other_servers_backup"),
        (("start", "server_001", "--to-path", "/etc/passwd"), 2, "target_not_allowed"),
        (("start", "server_001", "--at", "2020-01-01T00:00:00Z"), 5, "no_backup"),
        (("start", "server_001", "--type", "files"), 5, "unknown_artifact"),
        (("show", SECOND), 5, "unknown_recovery"),
    ],
)
def test_what_the_api_refuses_ends_with_its_reason_and_nothing_begun(
    world: Working, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, reason: str
) -> None:
    got, refused = run(capsys, *arguments)
    assert (got, refused["reason"]) == (code, reason)
    assert refused["hint"]
    assert world.jobs == []
    assert world.recoveries.running(RecoveryId.parse(FIRST).server_id) is None
