"""Fault 4: another host key answers at the server's address: not one login is tried, with nothing told to whoever it is."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleetsave.local.sshd import SshServer
from fleetsave.model.errors import HostKeyError
from tests.faults.scoring import scored
from tests.fixtures.fault_station import FaultStation
from tests.fixtures.game import RunningGame, running_game
from tests.fixtures.tcp_proxy import TcpProxy

TYPES = ("rsa", "ecdsa")
TRIES_OF_A_LOGIN = re.compile(r"Accepted|Failed|Postponed|nvalid user|authenticating user|userauth")
RETRY_EVERY = 5


@dataclass
class Swapped:
    """The server, and another one that may answer at its address; each has a host key of every kind."""

    station: FaultStation
    server: SshServer
    other: SshServer
    address: TcpProxy
    game: RunningGame
    pins: list[str]


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swapped]:
    folder = tmp_path_factory.mktemp("swapped")
    with (
        with_all_keys(folder / "server") as server,
        with_all_keys(folder / "other") as other,
        TcpProxy(server.port) as address,
        running_game(folder / "world.db", rate=20) as game,
    ):
        station = FaultStation(folder / "station", server)
        station.protect(game.path)
        pins = [server.host_key_line, *((folder / "server" / f"{kind}.pub").read_text().strip() for kind in TYPES)]
        yield Swapped(station, server, other, address, game, pins)


def with_all_keys(folder: Path) -> SshServer:
    """Return a server with an RSA and an ECDSA key besides its own, so that every kind that is pinned is offered."""
    folder.mkdir()
    lines = []
    for kind in TYPES:
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", folder / kind], check=True)
        lines.append(f'HostKey "{folder / kind}"')
    return SshServer(folder, configuration=lines)


def logins_tried(server: SshServer, since: int) -> list[str]:
    """Return the lines of sshd's log that tell of anybody trying to log in."""
    return [line for line in server.log.read_text()[since:].splitlines() if TRIES_OF_A_LOGIN.search(line)]


def test_another_key_at_the_same_address_is_never_logged_in_to(swapped: Swapped) -> None:
    station, other = swapped.station, swapped.other
    begun = len(other.log.read_text())
    retries = 0
    with scored(4) as tally:
        for number in tally.each():
            pins = tally.chance.sample(swapped.pins, tally.chance.randint(1, len(swapped.pins)))
            station.server["ssh"] = station.ssh_entry(port=swapped.address.port, host_keys=pins)
            swapped.address.upstream = other.port
            job, acknowledged = station.next_job(), swapped.game.acknowledged
            error = station.attempt(job)
            if not isinstance(error, HostKeyError):
                tally.accepted(f"not refused by its key: {error}")
            elif error.retryable:
                tally.accepted("a wrong key would be tried again")
            station.judge_failed(tally, job)
            if number % RETRY_EVERY == 0:
                swapped.address.upstream = swapped.server.port
                if (again := station.attempt(job)) is not None:
                    tally.lose(f"the true server is refused: {again}")
                station.judge_whole(tally, job, acknowledged)
                retries += 1
        other.stop()  # its log is whole then
        tried = logins_tried(other, begun)
        for line in tried[:5]:
            tally.accepted(f"a login was tried: {line}")
        connections = other.log.read_text()[begun:].count("Connection from")
        tally.seen |= {"connections": connections, "logins tried": len(tried), "retries with the true key, stored": retries}
    assert connections >= tally.made
    assert logins_tried(swapped.server, 0), "what tells of a login must be seen where there was one"
