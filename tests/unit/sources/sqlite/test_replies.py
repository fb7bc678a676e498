"""What a server's Python replies goes further only in its form; everything else is refused by name."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fleetsave.model.errors import CaptureError
from fleetsave.model.fleet import Server
from fleetsave.sources.sqlite.ladder import Ladder
from fleetsave.sources.sqlite.remote_python import RemotePython
from fleetsave.sources.sqlite.replies import FrozenSnapshot, HeldToTheEnd, HeldView, JournalPair
from fleetsave.transports.base import CommandResult
from tests.fakes.fake_transport import FakeTransport
from tests.fixtures.stored_backups import capture_report
from tests.unit.collect.world import SSH

VIEW = {
    "path": "/srv/a.db", "journal_mode": "wal", "size": 8192, "page_size": 4096, "wal_frames": 0, "wal_salts": "",
    "fingerprint": None, "runtime": "python 3.11",
}  # fmt: skip
FILE = {"size": 1, "sha256": "00", "mtime": 7}
ODD: tuple[Any, ...] = (None, 7, [], "text", {})
PAIR = {"path": "/srv/a.db", "super_journal": False, "files": {"database": FILE, "journal": FILE}}


class Saying(FakeTransport):
    """A server whose Python says the same whatever it is asked."""

    def __init__(self, said: bytes) -> None:
        super().__init__()
        self._said = said

    def run(self, command: Sequence[str], *, stdin: bytes = b"", timeout: float) -> CommandResult:  # noqa: ARG002 - the port's arguments
        return CommandResult(0, self._said, b"")


def server() -> Server:
    return Server.model_validate({"id": "server_001", "ssh": SSH})


def without(reply: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in reply.items() if key != name}


@pytest.mark.parametrize(
    ("form", "reply"),
    [
        (FrozenSnapshot, {"path": "/a", "size": 0, "more": 7}),
        (HeldView, VIEW),
        (HeldToTheEnd, {"held_seconds": 0.5}),
        (HeldToTheEnd, {"held_seconds": 1}),
        (JournalPair, PAIR),
    ],
)
def test_a_reply_of_its_form_goes_further_with_all_that_stands_in_it(form: Any, reply: dict[str, Any]) -> None:
    assert RemotePython(FakeTransport(), server(), "a.db").require(form, reply) == reply


@pytest.mark.parametrize(
    ("form", "reply"),
    [
        *[(form, odd) for form in (FrozenSnapshot, HeldView, HeldToTheEnd, JournalPair) for odd in ODD],
        *[(HeldView, without(VIEW, name)) for name in VIEW if name != "runtime"],
        (HeldView, {**VIEW, "page_size": 0}),
        (HeldView, {**VIEW, "size": -1}),
        (FrozenSnapshot, {"path": "\ud800", "size": 1}),
        (FrozenSnapshot, {"path": "/a", "size": "1"}),
        (HeldToTheEnd, {"held_seconds": float("nan")}),
        (JournalPair, {**PAIR, "files": {"database": FILE}}),
    ],
)
def test_any_other_reply_is_refused(form: Any, reply: Any) -> None:
    with pytest.raises(CaptureError) as refused:
        RemotePython(FakeTransport(), server(), "a.db").require(form, reply)
    assert refused.value.reason == "bad_reply"


@pytest.mark.parametrize(
    "ask",
    [
        lambda ladder: ladder.sweep(timedelta(days=1)),
        lambda ladder: ladder.resume("name"),
    ],
)
@pytest.mark.parametrize(
    "said", [b'{"fleetsave": 1, "ok": 7.5}\n', b'{"a":' * 100_000 + b"\n", b'{"fleetsave": 1, "ok": true}\n']
)
def test_whoever_asks_gets_a_refusal_and_not_a_stumble(ask: Callable[[Ladder], object], said: bytes, tmp_path: Path) -> None:
    with pytest.raises(CaptureError) as refused:
        ask(Ladder(Saying(said), server(), str(tmp_path)))
    assert refused.value.reason == "bad_reply"


def test_a_report_that_no_record_can_hold_is_none() -> None:
    report = asdict(capture_report(bytes(4096), None)) | {"fingerprint": None}
    python = RemotePython(FakeTransport(), server(), "a.db")
    assert python.report(report).snapshot_id == report["snapshot_id"]
    with pytest.raises(CaptureError) as refused:
        python.report(report, snapshot_id="\ud800")
    assert refused.value.reason == "bad_reply"
