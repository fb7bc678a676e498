"""What the restorer of folders asks of the script, and what it believes of the replies."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from fleetsave.model.errors import RestoreError
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.recovery_records import RecoveryPlan, Selection, SwapMethod
from fleetsave.sources.files.restorer import TreeRestorer
from fleetsave.sources.script_upload import Script
from fleetsave.sources.sqlite.remote_python import NoPythonError
from fleetsave.transports.base import Process, Transport
from tests.fixtures.tree_restores import ID, SERVER

PLAN = RecoveryPlan(
    backup_key="servers/server_001/files/server_001_20240101_120000_files.tar.zst", backup_slot="20240101_120000",
    verdict="verified", kind=Kind.FILES, compression=Compression.ZSTD, plain_sha256="a" * 64, plain_size=5000, stored_size=100,
    fingerprint=None, target_server_id="server_001", target_path="/srv/game", artifact="files", safety_artifact="safety-files",
    before=None, after=None, steps=[], warnings=[], selection=Selection("files/files", ["world"], 3, 40, 600),
)  # fmt: skip
SURVEYED: dict[str, Any] = {
    "target_state": "healthy", "size": 1, "journal_mode": None, "page_size": None, "schema_sha256": None, "room_free": 10,
    "room_needed": 10, "open_by": [], "runtime": "python 3.6", "notes": [],
}  # fmt: skip
Step = Callable[[TreeRestorer], object]
STEPS: list[Step] = [
    lambda restorer: restorer.survey(), lambda restorer: restorer.received(), lambda restorer: restorer.check(),
    lambda restorer: restorer.swap(SwapMethod.SET_ASIDE), lambda restorer: restorer.verify(),
    lambda restorer: restorer.roll_back(),
]  # fmt: skip


class Answering:
    """A script that gives the same answer to everything, and notes what it was asked."""

    def __init__(self, reply: Any) -> None:
        self.reply = reply
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def call(self, operation: str, **values: Any) -> Any:
        self.asked.append((operation, values))
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply

    def start(self, operation: str, **values: Any) -> tuple[Process, Any]:
        return cast("Process", self), self.call(operation, **values)

    def read_reply(self, process: Process, *, timeout: float) -> Any:  # noqa: ARG002 - the port's arguments
        return self.reply

    def kill(self) -> None:
        """End."""


class SftpOnly:
    can_execute = False


def restorer_of(script: object, plan: RecoveryPlan = PLAN) -> TreeRestorer:
    return TreeRestorer(
        cast("Script", script), SERVER, plan, ID, deadline=timedelta(seconds=30), allowed_folders=["/srv"], chosen=["world/a"],
        away=["world/new"],
    )  # fmt: skip


def test_every_request_says_what_is_expected() -> None:
    script = Answering({"received": 7})
    assert restorer_of(script).received() == 7
    ((operation, values),) = script.asked
    assert operation == "tree_received"
    assert values == {
        "path": "/srv/game", "recovery": "server_001.000001", "deadline": 30.0, "sha256": "a" * 64, "size": 5000,
        "expected_size": 600, "entries": 3, "content_size": 40, "links_out": False, "paths": ["world"], "chosen": ["world/a"],
        "away": ["world/new"], "new_in": None,
    }  # fmt: skip


def test_a_new_folder_may_be_made_in_the_allowed_folders_alone() -> None:
    script = Answering({"received": 0})
    restorer_of(script, replace(PLAN, artifact=None)).received()
    assert script.asked[0][1]["new_in"] == ["/srv"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("reply", [None, [], {}, {"received": "many"}, {"target_state": "odd"}, {"lacks": 1, "sha256": 1}])
def test_a_reply_that_is_none_is_refused_by_name(step: Step, reply: object) -> None:
    with pytest.raises(RestoreError) as refused:
        step(restorer_of(Answering(reply)))
    assert (refused.value.reason, refused.value.retryable) == ("bad_reply", True)


@pytest.mark.parametrize("step", [*STEPS, lambda restorer: restorer.receive(0, iter([b"a"]), print)])
def test_a_server_without_python_is_refused_by_name(step: Step) -> None:
    with pytest.raises(RestoreError) as refused:
        step(restorer_of(Answering(NoPythonError("python3"))))
    assert refused.value.reason == "no_tools"


@pytest.mark.parametrize("step", STEPS)
def test_an_account_that_only_has_sftp_is_refused_by_name(step: Step) -> None:
    with pytest.raises(RestoreError) as refused:
        step(restorer_of(cast("Transport", SftpOnly())))
    assert refused.value.reason == "sftp_only"


def test_a_disk_without_room_is_refused_by_name() -> None:
    assert restorer_of(Answering(SURVEYED)).survey().room_free == 10
    with pytest.raises(RestoreError) as refused:
        restorer_of(Answering({**SURVEYED, "room_free": 9})).survey()
    assert refused.value.reason == "no_room"


def test_a_plan_that_selects_nothing_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="selects nothing"):
        restorer_of(Answering({}), replace(PLAN, selection=None))


def test_the_path_is_named_in_errors() -> None:
    with pytest.raises(RestoreError, match=str(Path("/srv/game"))):
        restorer_of(Answering(None)).received()
