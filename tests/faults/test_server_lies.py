"""Fault 37: the server, or whoever answers for it, lies: cut off in time, and what it said is not stored, or not verified."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import pytest

from fleetsave.local.game import create
from fleetsave.model.fleet import Server
from fleetsave.model.jobs import Job
from fleetsave.model.keys import RecordName
from fleetsave.sources import frozen_over_https
from fleetsave.sources.base import ServerSource
from fleetsave.sources.over_https import HttpsSource
from fleetsave.transports import ssh as ssh_transport
from fleetsave.transports.https import HttpsConnection
from tests.fakes.memory_store import MemoryStore
from tests.faults.scoring import FINISHES, Tally, scored
from tests.fixtures.agents import Agents, raw_exchange
from tests.fixtures.fault_station import DATABASE, FILES, FaultStation, key_of, stand_in_tally
from tests.fixtures.lying_python import LIES, TRUTH, LyingPython
from tests.fixtures.scripted_agent import ScriptedAgent

LONGEST = 60.0
"""Seconds within which every lie must have been cut off, on a machine with much to do."""


@pytest.fixture(autouse=True)
def no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (ssh_transport, frozen_over_https):
        monkeypatch.setattr(module, "_PAUSE", 0.01)


def judge_lie(station: FaultStation, tally: Tally, job: Job, what: str) -> tuple[str, float]:
    """Run collect once, note what is stored that is not true, and return what came of it, and the seconds it took."""
    station.store = MemoryStore(minimum_part_size=1)
    started = time.monotonic()
    error = station.attempt(job)
    seconds = time.monotonic() - started
    if seconds > LONGEST:
        tally.accepted(f"{what}: it went on for {seconds:.0f} s")
    if not station.is_there(job):
        if error is None:
            tally.lose(f"{what}: it is said to be stored, and is not")
        return "refused", seconds
    if station.verdict(key_of(job)) is not RecordName.VERIFIED:
        return "stored and not verified", seconds
    station.judge_failed(tally, job)
    return "harmless, and verified" if error is None else "failed once all was stored, and verified", seconds


def is_told_of(seen: dict[str, int], outcome: str) -> None:
    seen[outcome] = seen.get(outcome, 0) + 1


@FINISHES
def test_lies_of_what_runs_on_the_server(station: FaultStation, tmp_path: Path) -> None:
    create(tmp_path / "world.db", "delete")
    station.protect(tmp_path / "world.db", deadline="5s")
    python = LyingPython(tmp_path)
    station.server["python"] = str(python.path)
    seen: dict[str, int] = {}
    longest = 0.0
    with scored(37, "the server's Python", share=3) as tally:
        for number in tally.each():
            lie, seed = LIES[number % len(LIES)], tally.chance.randrange(1 << 32)
            at, goes_on = tally.chance.choice([0, 1, 1, 1, 2]), tally.chance.random() < 0.3
            python.tell(lie, seed, at=at, goes_on=goes_on)
            outcome, seconds = judge_lie(station, tally, station.next_job(), f"{lie} by {seed} at {at}")
            longest = max(longest, seconds)
            is_told_of(seen, outcome)
            for file in station.staging.glob("*"):
                file.unlink()
        python.tell(TRUTH, 0)
        job = station.next_job()
        if (error := station.attempt(job)) is not None:
            tally.lose(f"the truth is refused: {error}")
        station.judge_whole(tally, job)
        tally.seen |= {**seen, "longest run in seconds": round(longest, 1)}


Speak = Callable[[socket.socket, Random], None]


def _endless(connection: socket.socket, chance: Random) -> None:
    block = chance.choice([b"x" * 65536, b"SSH is this not\r\n" * 4000, chance.randbytes(65536)])
    while True:
        connection.sendall(block)


def _garbage(connection: socket.socket, chance: Random) -> None:
    connection.sendall(chance.randbytes(chance.randrange(2000)))


def _greeting_and_garbage(connection: socket.socket, chance: Random) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" + chance.randbytes(chance.randrange(5000)))


def _greeting_and_a_huge_packet(connection: socket.socket, chance: Random) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" + b"\x7f\xff\xff\xf0" + chance.randbytes(100000))


def _silence(connection: socket.socket, _chance: Random) -> None:
    connection.recv(1)
    while connection.recv(65536):
        pass


SPEAKERS: tuple[Speak, ...] = (_endless, _garbage, _greeting_and_garbage, _greeting_and_a_huge_packet, _silence)


@contextmanager
def speaking(speak: Speak, chance: Random) -> Iterator[int]:
    """Let somebody who is no SSH server answer at the port that is lent."""
    listener = socket.create_server(("127.0.0.1", 0))

    def attend(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            speak(connection, chance)

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=attend, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@FINISHES
def test_whoever_answers_is_no_ssh_server(station: FaultStation, tmp_path: Path) -> None:
    create(tmp_path / "world.db", "delete")
    station.protect(tmp_path / "world.db")
    station.open_source = station.source_over_ssh
    seen: dict[str, int] = {}
    longest = 0.0
    with scored(37, "whoever answers at SSH's port", share=3) as tally:
        for number in tally.each():
            speak = SPEAKERS[number % len(SPEAKERS)]
            with speaking(speak, tally.chance) as port:
                station.server["ssh"] = station.ssh_entry(port=port, connect_timeout="0.5s")
                outcome, seconds = judge_lie(station, tally, station.next_job(), speak.__name__)
            longest = max(longest, seconds)
            is_told_of(seen, outcome)
        tally.seen |= {**seen, "longest run in seconds": round(longest, 1)}
    assert set(seen) == {"refused"}


def alter(answer: bytes, chance: Random) -> bytes:
    """Return what somebody might make of an agent's answer."""
    if not answer:
        return answer
    at = chance.randrange(len(answer))
    end = min(len(answer), at + chance.choice([1, 8, 100, 5000]))
    return chance.choice(
        (
            answer[:at],
            answer[:at] + answer[end:],
            answer[:end] + answer[at:],
            answer[:at] + chance.randbytes(end - at) + answer[end:],
            answer[:at] + bytes([answer[at] ^ 1 << chance.randrange(8)]) + answer[at + 1 :],
            answer[:at] + chance.choice([b"9", b"0", b'"', b"-", b"\r\n", b"\0", b"{", b"1" * 40]) + answer[at:],
            chance.randbytes(len(answer)),
            answer * 2,
        )
    )


@FINISHES
def test_lies_between_us_and_an_agent(station: FaultStation, agents: Agents, tmp_path: Path) -> None:
    game = tmp_path / "game"
    game.mkdir()
    create(game / "world.db", "wal")
    (game / "level").write_bytes(bytes(range(256)) * 300)
    served = {"databases": [{"name": "database", "path": str(game / "world.db")}], "files": [{"path": str(game)}]}
    agent = agents.start(**served)
    hit = [0, Random(0)]

    def act(head: bytes, tls: ssl.SSLSocket) -> None:
        answer = raw_exchange(agent, head)
        left, chance = hit
        hit[0] = left - 1  # type: ignore[operator]  # an int, set before the first answer
        tls.sendall(alter(answer, chance) if left == 0 else answer)  # type: ignore[arg-type]  # alter and chance are given together

    seen: dict[str, int] = {}
    longest = 0.0
    with ScriptedAgent(tmp_path / "between", act) as between, scored(37, "between us and an agent", share=3) as tally:
        https = between.https()
        station.server = {
            "id": "server_001",
            "https": https.model_dump(include={"url", "token_secret", "ca_certificate"}),
            **served,
        }

        def open_source(server: Server) -> ServerSource:
            assert server.https is not None
            return HttpsSource(HttpsConnection(server.https, agent.read_token, stall_seconds=1), server)

        station.open_source = open_source
        for number in tally.each():
            artifact = (DATABASE, FILES)[number % 2]
            hit[:] = [tally.chance.randrange(4 if artifact is DATABASE else 3), tally.chance]
            outcome, seconds = judge_lie(station, tally, station.next_job(artifact), f"trial {number}")
            longest = max(longest, seconds)
            is_told_of(seen, outcome)
        tally.seen |= {**seen, "longest run in seconds": round(longest, 1)}
    assert agent.is_running


def test_a_lie_that_went_on_for_too_long_would_be_seen(
    station: FaultStation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(tmp_path / "world.db", "delete")
    station.protect(tmp_path / "world.db")
    monkeypatch.setattr("tests.faults.test_server_lies.LONGEST", 0.0)
    tally = stand_in_tally(37)
    assert judge_lie(station, tally, station.next_job(), "the truth")[0] == "harmless, and verified"
    assert tally.bad_accepted
