"""Fault 2: the connection falls silent at any byte and nobody ends it: both ends give up in time, and the lock is let go.

The limits of the transport are shortened for it, those of the database are its own in the fleet file. A silent connection stays
open until the lock was seen to be free: nothing but its own limits tells the server that we have gone.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from fleetsave.local.sshd import SshServer
from fleetsave.sources.sqlite import held, remote_python
from fleetsave.transports import ssh as ssh_transport
from tests.faults.scoring import FINISHES, Tally, scored
from tests.faults.test_server_disk import leave_free
from tests.fixtures.fault_station import FaultStation, stand_in_tally
from tests.fixtures.game import RunningGame, running_game
from tests.fixtures.tcp_proxy import Fault, Harm, TcpProxy, Way

LANES = 8
RETRIES = 3
STALL, LOCK_LIMIT, DEADLINE = 1.0, 1.0, 2.0
LONGEST = 25.0
"""Seconds within which both ends must have given up, on a machine with much to do; the sum of their limits is about 10."""


@pytest.fixture(autouse=True)
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_transport, "_PAUSE", 0.01)
    monkeypatch.setattr(remote_python, "_LEAST_SECONDS", DEADLINE + 1)
    monkeypatch.setattr(remote_python, "_SLACK_SECONDS", 1.0)
    monkeypatch.setattr(held, "_REPLY_SECONDS", 2.0)


@dataclass
class Seen:
    """What one trial took, in seconds and bytes."""

    run: float
    lock: float
    wal: int
    is_met: bool
    failed: bool


@dataclass
class Lane:
    """One game with a station and a proxy of its own; lanes wait beside one another."""

    station: FaultStation
    proxy: TcpProxy
    game: RunningGame

    def learn(self) -> dict[Way, int]:
        """Return how many bytes an undisturbed run takes each way."""
        self.proxy.plan()
        with self.watched():  # which keeps the -wal as small as it will be
            assert self.station.attempt(self.station.next_job()) is None
        (traffic,) = self.proxy.traffic
        return traffic.passed

    def fall_silent(self, tally: Tally, fault: Fault, *, for_good: bool) -> Seen:
        """Run collect over a connection that falls silent, see the lock let go, and run it again undisturbed."""
        station, job, acknowledged = self.station, self.station.next_job(), self.game.acknowledged
        later = [Fault(Way.TO_SERVER, 0, Harm.SILENCE)] * 20 if for_good else []
        self.proxy.plan(fault, *later)
        with self.watched() as lock:
            started = time.monotonic()
            error = station.attempt(job)
            run = time.monotonic() - started
            lock.wait_until_free(started + LONGEST)
        is_met = any(traffic.is_harmed for traffic in self.proxy.traffic)
        if run > LONGEST or lock.longest > LONGEST:
            tally.accepted(f"{fault}: the run took {run:.1f} s, and the lock was held for {lock.longest:.1f} s")
        station.judge_failed(tally, job, acknowledged)
        self.proxy.plan()
        errors = [str(again) for _ in range(RETRIES) if not station.is_done(job) and (again := station.attempt(job)) is not None]
        if len(errors) == RETRIES:
            tally.lose(f"no retry succeeded: {errors[-1]}")
        station.judge_whole(tally, job, acknowledged)
        return Seen(run, lock.longest, lock.largest_wal, is_met, error is not None)

    @contextmanager
    def watched(self) -> Iterator["Watch"]:
        """Let a thread ask within the block how long no writer could have the main file."""
        watch = Watch(self.game.path)
        thread = threading.Thread(target=watch.run)
        thread.start()
        try:
            yield watch
        finally:
            watch.is_over.set()
            thread.join()


class Watch:
    """Asks for the lock again and again; `longest` is the longest time in seconds without it, `largest_wal` is in bytes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._wal = path.with_name(f"{path.name}-wal")
        self.is_over = threading.Event()
        self.free_at = time.monotonic()
        self.longest = 0.0
        self.largest_wal = 0

    def run(self) -> None:
        while not self.is_over.wait(0.02):
            self.largest_wal = max(self.largest_wal, self._wal.stat().st_size if self._wal.exists() else 0)
            is_free_now, now = is_free(self._path), time.monotonic()
            self.longest = max(self.longest, now - self.free_at)
            self.free_at = now if is_free_now else self.free_at

    def wait_until_free(self, until: float) -> None:
        """Wait until nobody reads the database any more."""
        asked = time.monotonic()
        while self.free_at < asked and time.monotonic() < until:
            time.sleep(0.02)


def is_free(path: Path) -> bool:
    """Tell whether no reader is in the way of a writer of the main file."""
    with closing(sqlite3.connect(path, timeout=0.2, isolation_level=None)) as connection:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
                return connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0  # type: ignore[no-any-return]  # the pragma's first column is a number
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
        except sqlite3.OperationalError:
            return False
    return True


@contextmanager
def lanes(folder: Path, ssh: SshServer, journal_mode: str, staging: Path | None) -> Iterator[list[Lane]]:
    with ExitStack() as stack:
        made = []
        for number in range(LANES):
            place = folder / f"lane {number}"
            place.mkdir()
            station = FaultStation(place / "station", ssh, stall_seconds=STALL)
            proxy = stack.enter_context(TcpProxy(ssh.port))
            game = stack.enter_context(running_game(place / "world.db", journal_mode=journal_mode, rate=20))
            if staging is not None:
                station.staging = staging / str(number)
            station.server |= {"ssh": station.ssh_entry(port=proxy.port, connect_timeout="2s"), "staging": str(station.staging)}
            station.protect(game.path, deadline=f"{DEADLINE}s", lock_limit=f"{LOCK_LIMIT}s")
            made.append(Lane(station, proxy, game))
        yield made


@FINISHES
@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
@pytest.mark.parametrize("way", ["frozen", "held"])
def test_a_connection_that_falls_silent(
    ssh_server: SshServer, tmp_path: Path, small_disk: Path, journal_mode: str, way: str
) -> None:
    if way == "held":
        leave_free(small_disk, 0)
    mode = "rollback journal" if journal_mode == "delete" else "WAL"
    with (
        scored(2, f"{way}, {mode}", share=4) as tally,
        lanes(tmp_path, ssh_server, journal_mode, small_disk if way == "held" else None) as made,
        ThreadPoolExecutor(LANES) as pool,
    ):
        length = made[0].learn()
        plans = [(any_fault(length, tally.chance), tally.chance.random() < 0.5) for _ in tally.each()]

        def run_lane(number: int) -> list[Seen]:
            lane = made[number]
            return [lane.fall_silent(tally, fault, for_good=for_good) for fault, for_good in plans[number::LANES]]

        seen = [one for lane in pool.map(run_lane, range(LANES)) for one in lane]
        tally.seen |= {
            "connections that fell silent": sum(one.is_met for one in seen),
            "runs that failed, and were run again": sum(one.failed for one in seen),
            "longest run in seconds": round(max(one.run for one in seen), 1),
            "longest time in seconds that a lock was held": round(max(one.lock for one in seen), 1),
            "largest -wal in bytes": max(one.wal for one in seen),
        }
    assert sum(one.is_met for one in seen) >= tally.made * 0.6, "the faults must be met"


def any_fault(length: dict[Way, int], chance: Random) -> Fault:
    way = chance.choice(list(Way))
    return Fault(way, chance.randrange(length[way]), Harm.SILENCE)


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_a_lock_that_is_not_let_go_would_be_seen(
    ssh_server: SshServer, tmp_path: Path, journal_mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.faults.test_server_silence.LANES", 1)
    monkeypatch.setattr("tests.faults.test_server_silence.LONGEST", 3.0)
    tally = stand_in_tally(2)
    with lanes(tmp_path, ssh_server, journal_mode, None) as (lane,), closing(sqlite3.connect(lane.game.path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM ledger").fetchone()
        lane.game.process.wait_until(lambda: not is_free(lane.game.path))
        lane.fall_silent(tally, Fault(Way.TO_SERVER, 100, Harm.SILENCE), for_good=False)
        reader.execute("ROLLBACK")
    assert any("the lock was held" in what for what in tally.bad_accepted)
