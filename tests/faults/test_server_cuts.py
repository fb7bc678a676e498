"""Fault 1: the connection to the server is cut, or a byte of it changed, anywhere: nothing is stored, or all of it."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fleetsave.local.agent_server import AgentServer
from fleetsave.local.seaweedfs import SeaweedFS
from fleetsave.local.sshd import SshServer
from fleetsave.model.fleet import Server, SqliteDatabase
from fleetsave.model.keys import ArtifactId
from fleetsave.model.records import CaptureReport
from fleetsave.sources import frozen_over_https
from fleetsave.sources.base import Capture, ServerSource
from fleetsave.sources.over_https import HttpsSource
from fleetsave.store.s3 import S3Store
from fleetsave.transports import ssh as ssh_transport
from fleetsave.transports.https import HttpsConnection
from fleetsave.transports.ssh import SshTransport
from tests.faults.scoring import FINISHES, scored
from tests.fixtures.fault_station import DATABASE, FILES, MONEY, FaultStation, LentSource, stand_in_tally
from tests.fixtures.game import RunningGame, running_game
from tests.fixtures.stores import BUCKET
from tests.fixtures.tcp_proxy import Fault, Harm, TcpProxy, Way

VARIANTS = 8
pytestmark = FINISHES


@dataclass
class Wire:
    """The station's server, by either way, behind a proxy; `length` is what an undisturbed run takes, each way."""

    station: FaultStation
    proxies: dict[str, TcpProxy]
    game: RunningGame

    def learn(self, artifact_id: ArtifactId, over: str) -> list[dict[Way, int]]:
        """Run once undisturbed, and return how many bytes each connection took, each way."""
        self.use(over)
        proxy = self.proxies[over]
        proxy.plan()
        assert self.station.attempt(self.station.next_job(artifact_id)) is None
        return [traffic.passed for traffic in proxy.traffic]

    def use(self, over: str) -> None:
        """Let the fleet file name this way to the server."""
        for key in ("ssh", "https", "staging"):
            self.station.server.pop(key, None)
        self.station.server |= self.ways[over]

    @property
    def ways(self) -> dict[str, dict[str, Any]]:
        return {"ssh": self._ssh, "https": self._https}

    _ssh: dict[str, Any]
    _https: dict[str, Any]


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory, ssh_server: SshServer, seaweedfs_server: SeaweedFS) -> Iterator[Wire]:
    folder = tmp_path_factory.mktemp("wire")
    store = S3Store(seaweedfs_server.client(), BUCKET, conditional_writes=False)
    game_folder = folder / "game"
    game_folder.mkdir()
    (game_folder / "world").mkdir()
    for number in range(8):
        (game_folder / "world" / f"region {number}").write_bytes(Random(number).randbytes(40_000))
    database = {"name": "database", "path": str(game_folder / "world.db"), "checks": MONEY}
    files = [{"path": str(game_folder / "world")}]
    with running_game(game_folder / "world.db", rate=20) as game:
        station = FaultStation(folder / "station", ssh_server, store)
        station.server |= {"databases": [database], "files": files}
        agent = AgentServer(folder / "agent", {"databases": [database], "files": files})
        with TcpProxy(ssh_server.port) as ssh, TcpProxy(agent.port) as https:
            entry = {**agent.https_settings().model_dump(), "url": f"https://127.0.0.1:{https.port}"}
            ways = {"ssh": station.ssh_entry(port=ssh.port), "staging": str(station.staging)}, {"https": entry}
            station.open_source = lambda server: source_of(station, agent, server)
            yield Wire(station, {"ssh": ssh, "https": https}, game, *ways)
        agent.stop()


def source_of(station: FaultStation, agent: AgentServer, server: Server) -> ServerSource:
    if server.https is None:
        return station.source_over_ssh(server)
    return HttpsSource(HttpsConnection(server.https, agent.read_token, stall_seconds=station.stall_seconds), server)


@pytest.fixture(autouse=True)
def no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are made anew at once; how long is waited before is no part of what is asked here."""
    for module in (ssh_transport, frozen_over_https):
        monkeypatch.setattr(module, "_PAUSE", 0.01)


def anywhere(lengths: Sequence[dict[Way, int]], chance: Random, ways: Sequence[Way], harms: Sequence[Harm]) -> list[Fault | None]:
    """Return the faults of one run: none for the connections before the one that is hit, at a byte of its whole length."""
    way = chance.choice(ways)
    weights = [length[way] for length in lengths]
    (hit,) = chance.choices(range(len(lengths)), weights)
    return [None] * hit + [Fault(way, chance.randrange(weights[hit]), chance.choice(harms))]


@pytest.mark.parametrize(
    ("variant", "over", "artifact_id", "ways", "harms"),
    [
        ("a database over SSH, reset, bytes from the server counted", "ssh", DATABASE, [Way.TO_CLIENT], [Harm.RESET]),
        ("a database over SSH, reset, bytes to the server counted", "ssh", DATABASE, [Way.TO_SERVER], [Harm.RESET]),
        ("a database over SSH, ended, bytes from the server counted", "ssh", DATABASE, [Way.TO_CLIENT], [Harm.END]),
        ("a database over SSH, ended, bytes to the server counted", "ssh", DATABASE, [Way.TO_SERVER], [Harm.END]),
        ("a database over SSH, a bit flipped", "ssh", DATABASE, list(Way), [Harm.FLIP]),
        ("a database over HTTPS", "https", DATABASE, list(Way), [Harm.RESET, Harm.END, Harm.FLIP]),
        ("a folder over SSH", "ssh", FILES, list(Way), [Harm.RESET, Harm.END, Harm.FLIP]),
        ("a folder over HTTPS", "https", FILES, list(Way), [Harm.RESET, Harm.END, Harm.FLIP]),
    ],
)
def test_whatever_byte_the_connection_breaks_at(
    wire: Wire, variant: str, over: str, artifact_id: ArtifactId, ways: list[Way], harms: list[Harm]
) -> None:
    station, proxy = wire.station, wire.proxies[over]
    failed = harmed = 0
    with scored(1, variant, share=VARIANTS) as tally:
        lengths = wire.learn(artifact_id, over)
        for _ in tally.each():
            job, acknowledged = station.next_job(artifact_id), wire.game.acknowledged
            stays_down = tally.chance.random() < 0.5
            proxy.plan(*anywhere(lengths, tally.chance, ways, harms), down_afterwards=stays_down)
            error = station.attempt(job)
            harmed += any(traffic.is_harmed for traffic in proxy.traffic)
            failed += error is not None
            station.judge_failed(tally, job, acknowledged)
            if error is not None and not error.retryable:
                tally.lose(f"{job.slot.text}: not to be tried again: {error}")
            proxy.plan()
            again = station.attempt(job)
            if again is not None:
                tally.lose(f"{job.slot.text}: the retry failed: {again}")
            station.judge_whole(tally, job, acknowledged)
        tally.seen |= {"connections harmed": harmed, "runs that failed, and were run again": failed}
    assert harmed >= tally.made * 0.8, "the faults must be met"


class BelievesACut(LentSource):
    """A way that takes the bytes until the cut for all of them, and lets nobody compare."""

    def capture(self, database: SqliteDatabase, source_path: str, name: str, *, scratch: Path) -> Capture:
        whole = super().capture(database, source_path, name, scratch=scratch)
        content = b"".join(whole.read(0))[: whole.report.size // 2]
        whole.release()
        return Believed(content, replace(whole.report, size=len(content), sha256=hashlib.sha256(content).hexdigest()))


@dataclass
class Believed:
    """Bytes with a report that speaks for them."""

    content: bytes
    report: CaptureReport
    resumable: bool = True

    def read(self, offset: int) -> Iterator[bytes]:
        yield self.content[offset:]

    def release(self) -> None:
        """Leave nothing."""


def test_a_way_that_stores_what_came_before_the_cut_is_caught(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    station = wire.station
    wire.use("ssh")
    tally = stand_in_tally(1)
    job = station.next_job()
    with closing(SshTransport(station.ssh.ssh_settings(), station.ssh.private_key)) as transport:
        monkeypatch.setattr(station, "open_source", lambda server: BelievesACut(transport, server))
        assert station.attempt(job) is None
    station.judge_failed(tally, job)
    assert any("rejected" in what for what in tally.bad_accepted)
