"""A file is opened for reading if it is a snapshot of this account, or what a capture reads of a listed database."""

import json
import os
from pathlib import Path

import pytest

from fleetsave.sources.gate.gate_config import GateConfiguration
from fleetsave.sources.gate.gate_reading import open_readable, read_as_dd
from fleetsave.sources.gate.gate_requests import GateRequests
from fleetsave.sources.sqlite.server_side.ground import RefusedError


@pytest.fixture
def requests(tmp_path: Path) -> GateRequests:
    (tmp_path / "staging").mkdir(0o700)
    (tmp_path / "staging" / "a.db").write_bytes(b"frozen")
    (tmp_path / "live.db").write_bytes(b"live")
    path = tmp_path / "gate.json"
    path.write_text(json.dumps({"staging": f"{tmp_path}/staging", "databases": [{"path": f"{tmp_path}/live.db"}]}))
    path.chmod(0o644)
    return GateRequests(GateConfiguration(str(path)), may_restore=False)


@pytest.mark.parametrize("name", ["staging/a.db", "live.db"])
def test_a_snapshot_and_a_listed_database_are_opened(requests: GateRequests, tmp_path: Path, name: str) -> None:
    descriptor = open_readable(f"{tmp_path}/{name}", f"{tmp_path}/staging", requests)
    assert os.read(descriptor, 10) == (tmp_path / name).read_bytes()
    os.close(descriptor)


@pytest.mark.parametrize(
    "name", ["gate.json", "staging/a.json", "staging/../gate.json", "staging/sub/a.db", "staging", "live.db-shm", "x.db"]
)
def test_nothing_else_is(requests: GateRequests, tmp_path: Path, name: str) -> None:
    with pytest.raises(RefusedError) as refused:
        open_readable(f"{tmp_path}/{name}", f"{tmp_path}/staging", requests)
    assert refused.value.reason == "not_served"


def test_no_link_is_followed_and_no_pipe_waited_for(requests: GateRequests, tmp_path: Path) -> None:
    (tmp_path / "staging" / "link.db").symlink_to(tmp_path / "gate.json")
    os.mkfifo(tmp_path / "staging" / "pipe.db")
    for name in ("link", "pipe", "missing"):
        with pytest.raises(RefusedError):
            open_readable(f"{tmp_path}/staging/{name}.db", f"{tmp_path}/staging", requests)


def test_a_staging_folder_that_others_may_write_is_refused(requests: GateRequests, tmp_path: Path) -> None:
    (tmp_path / "staging").chmod(0o777)
    with pytest.raises(RefusedError) as refused:
        open_readable(f"{tmp_path}/staging/a.db", f"{tmp_path}/staging", requests)
    assert refused.value.reason == "unsafe_staging"


@pytest.mark.parametrize("words", [
    "dd if=/x bs=131072 skip=0", "dd if=/x bs=1 skip=0 count=1", "dd if=/x bs=131072 skip=0 count=1 of=/y",
    "dd if=/x bs=131072 skip=-1 count=1", "dd of=/x bs=131072 skip=0 count=1", "dd if=/x bs=131072 count=1 skip=0",
    "dd if=/x if=/y bs=131072 skip=0 count=1",
])  # fmt: skip
def test_other_words_than_those_of_fleetsave_are_refused(requests: GateRequests, words: str) -> None:
    with pytest.raises(RefusedError, match="dd is asked for something else"):
        read_as_dd(words.split(), "/staging", requests)
