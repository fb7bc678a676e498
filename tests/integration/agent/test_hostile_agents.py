"""What an agent, or somebody between, tells wrongly is found out: an error with its reason, and no object in the store."""

import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fleetsave.collect.outcome import Stored
from fleetsave.collect.room import collect
from fleetsave.local.agent_server import AgentServer
from fleetsave.local.game import create
from fleetsave.model.errors import CaptureError, FleetsaveError, TransportError
from fleetsave.model.fleet import Fleet
from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId, BackupKey
from fleetsave.model.kinds import Compression, Kind
from fleetsave.sources.over_https import HttpsSource
from fleetsave.transports.https import HttpsConnection
from tests.fakes.sqlite_source import FakeSource
from tests.fixtures.agents import Agents, raw_exchange
from tests.fixtures.scripted_agent import ScriptedAgent
from tests.unit.collect.world import SLOT, World

Tamper = Callable[[str, bytes], bytes]
"""Makes of a request's first line and the agent's answer what is passed on."""
DATABASE = ArtifactId("server_001", Kind.DATABASE, "main")
FILES = ArtifactId("server_001", Kind.FILES, "files")


class Between:
    """Somebody between collect and a real agent, whose certificate is believed."""

    def __init__(self, agent: AgentServer, folder: Path, game: Path) -> None:
        self.agent = agent
        self.world = World(FakeSource({}))
        self._folder = folder
        self._game = game

    def collect(self, artifact_id: ArtifactId, tamper: Tamper) -> object:
        def act(head: bytes, tls: ssl.SSLSocket) -> None:
            line = head.split(b"\r\n")[0].decode()
            tls.sendall(tamper(line, raw_exchange(self.agent, head)))

        with ScriptedAgent(self._folder / "between", act) as between:
            https = between.https()
            entry = {
                "id": "server_001",
                "https": https.model_dump(include={"url", "token_secret", "ca_certificate"}),
                "databases": [{"name": "main", "path": str(self._game / "game.db")}],
                "files": [{"path": str(self._game)}],
            }
            fleet = Fleet.model_validate({"servers": [entry]})
            source = HttpsSource(HttpsConnection(https, self.agent.read_token, stall_seconds=10), fleet.servers[0])
            ports = replace(self.world.ports, fleet=fleet, open_source=lambda _: source)
            return collect(Job(artifact_id, SLOT), ports)

    def refusal(self, artifact_id: ArtifactId, tamper: Tamper) -> FleetsaveError:
        with pytest.raises(FleetsaveError) as refused:
            self.collect(artifact_id, tamper)
        return refused.value

    def nothing_is_stored(self) -> bool:
        return not list(self.world.store.list("servers/")) and not list(self.world.store.list("catalog/"))


@pytest.fixture
def between(agents: Agents, tmp_path: Path) -> Iterator[Between]:
    game = tmp_path / "game"
    game.mkdir()
    create(game / "game.db", "wal")
    (game / "world").write_bytes(bytes(range(256)) * 4000)
    agent = agents.start(databases=[{"name": "main", "path": str(game / "game.db")}], files=[{"path": str(game)}])
    yield Between(agent, tmp_path, game)
    assert agent.is_running


def changed(wanted: str, old: bytes, new: bytes) -> Tamper:
    """Return what replaces a pattern in answers to requests that begin so."""

    def tamper(line: str, answer: bytes) -> bytes:
        if not line.startswith(wanted):
            return answer
        made, times = re.subn(old, new, answer, flags=re.DOTALL)
        assert times, (line, answer[:500])
        return made

    return tamper


def truthful(_line: str, answer: bytes) -> bytes:
    return answer


DATA, REPORT, STREAM = "GET /backup/database/main?", "GET /backup/database/main/report", "GET /backup/files/files"
LIES: dict[str, tuple[ArtifactId, Tamper, str]] = {
    "a smaller size in the report": (DATABASE, changed(REPORT, rb'"size": \d{5}', b'"size":  8192'), "not_whole"),
    "a larger size in the report": (DATABASE, changed(REPORT, rb'"size": \d{5}', b'"size": 99999'), "not_whole"),
    "another digest in the report": (
        DATABASE,
        changed(REPORT, rb'"sha256": "[0-9a-f]{64}', b'"sha256": "' + b"0" * 64),
        "not_whole",
    ),
    "another digest with the bytes": (DATABASE, changed(DATA, rb"sha-256=:[^:]*:", b"sha-256=:AAAA:"), "not_whole"),
    "no digest with the bytes": (DATABASE, changed(DATA, rb"Repr-Digest", b"X-Digest"), "not_whole"),
    "another snapshot": (DATABASE, changed(DATA, rb'ETag: "[0-9a-f]+"', b'ETag: "0123"'), "changed"),
    "a whole file for a range": (DATABASE, changed(DATA, rb"Content-Range: [^\r]*\r\n", b""), "not_whole"),
    "a longer file": (DATABASE, changed(DATA, rb"Content-Length: \d+", b"Content-Length: 99999999"), "not_whole"),
    "other bytes": (DATABASE, changed(DATA, rb"SQLite format 3", b"SQLite format 4"), "altered_in_transit|not_whole"),
    "another database": (DATABASE, changed(REPORT, rb'"source_path": "[^"]*"', b'"source_path": "/other"'), "bad_reply"),
    "no report": (DATABASE, changed(REPORT, rb'"ok": \{.*\}\n', b'"ok": 7}\n'), "bad_reply"),
    "another path": (DATABASE, changed("GET /backup/ ", rb"game\.db", b"gone.db"), "path_differs"),
    "another name": (DATABASE, changed("GET /backup/ ", rb'"main"', b'"moin"'), "not_served"),
    "no listing": (DATABASE, changed("GET /backup/ ", rb'"artifacts"', b'"artefacts"'), "bad_reply"),
    "other patterns": (FILES, changed("GET /backup/ ", rb'"path": "[^"]*game"', b'"path": "/etc"'), "path_differs"),
    "another byte in a stream": (FILES, changed(STREAM, rb"\x10\x11\x12\x13", b"\x10\x11\x12\x14"), "altered_in_transit"),
    "a stream without its last frame": (FILES, changed(STREAM, rb"E\x00\x00..\{.*", b""), "bad_reply|cut_short|"),
    "a frame that never ends": (FILES, changed(STREAM, rb"D\x00", b"D\xff"), "bad_reply"),
    "a frame of a kind that is not known": (FILES, changed(STREAM, rb"E\x00\x00", b"Z\x00\x00"), "bad_reply"),
    "another size in the last frame": (FILES, changed(STREAM, rb'"size": (\d)', rb'"size": 9'), "altered_in_transit"),
}


def test_what_is_told_truly_is_stored(between: Between) -> None:
    for artifact_id in (DATABASE, FILES):
        assert isinstance(between.collect(artifact_id, truthful), Stored)
        assert between.world.store.head(BackupKey(artifact_id, SLOT, Compression.ZSTD).text)


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_found_out_and_nothing_is_stored(between: Between, lie: str) -> None:
    artifact_id, tamper, reasons = LIES[lie]
    error = between.refusal(artifact_id, tamper)
    assert isinstance(error, CaptureError | TransportError), error
    assert (error.reason if isinstance(error, CaptureError) else "") in reasons.split("|"), error
    assert between.nothing_is_stored()


@pytest.mark.parametrize("size", [0, 1, 300, 5000, 16000])
def test_a_stream_that_is_cut_short_is_never_stored(between: Between, size: int) -> None:
    error = between.refusal(FILES, lambda line, answer: answer[:size] if line.startswith(STREAM) else answer)
    assert error.retryable
    assert between.nothing_is_stored()


@pytest.mark.parametrize("size", [0, 1, 300])
def test_a_snapshot_of_which_no_byte_comes_is_given_up_for_this_time(between: Between, size: int) -> None:
    error = between.refusal(DATABASE, lambda line, answer: answer[:size] if line.startswith(DATA) else answer)
    assert error.retryable
    assert between.nothing_is_stored()


def test_a_connection_that_breaks_now_and_then_is_gone_on_with(between: Between) -> None:
    cuts = iter([500, 5000, 9000])

    def tamper(line: str, answer: bytes) -> bytes:
        return answer[: next(cuts, len(answer))] if line.startswith(DATA) else answer

    assert isinstance(between.collect(DATABASE, tamper), Stored)
    assert next(cuts, None) is None
