"""Nobody holds an agent up: the slow are cut off, the many told to come again, and its memory stays bounded."""

import os
import re
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from fleetsave.local.agent_server import AgentServer
from tests.fixtures.agents import Agents, Served, raw_exchange, raw_request, status_of
from tests.fixtures.memory import MemoryWatch


def silent(agent: AgentServer) -> socket.socket:
    """Return a client that has connected and says nothing."""
    return socket.create_connection(("127.0.0.1", agent.port), timeout=20)


def seconds_until_cut(client: socket.socket, drip: bytes) -> float:
    """Send a byte now and then until the agent ends it, and return how long that took."""
    started = time.monotonic()
    client.settimeout(0.1)
    for byte in drip * 1000:
        try:
            client.sendall(bytes([byte]))
            if client.recv(65536) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - started


@pytest.fixture
def impatient(agents: Agents, tmp_path: Path, served: Served) -> AgentServer:
    large = tmp_path / "large"
    large.mkdir()
    with (large / "data").open("wb") as file:
        file.truncate(0)
        for _ in range(64):
            file.write(os.urandom(1 << 20))
    limits = {"idle_seconds": 1, "connections": 4, "least_bytes_per_second": 1 << 20}
    return agents.start(databases=[{"name": "main", "path": str(served.path)}], files=[{"path": str(large)}], limits=limits)


def tls_to(agent: AgentServer) -> ssl.SSLSocket:
    context = ssl.create_default_context(cadata=agent.authority)
    return context.wrap_socket(silent(agent), server_hostname="127.0.0.1")


def test_a_client_that_is_slow_to_speak_is_cut_off(impatient: AgentServer) -> None:
    with silent(impatient) as before_tls, tls_to(impatient) as after_tls:
        assert seconds_until_cut(before_tls, b"\x16\x03\x01\x02\x00") < 4
        assert seconds_until_cut(after_tls, b"GET /backup/") < 4


def test_a_client_that_is_slow_to_read_is_cut_off_and_its_work_ends(impatient: AgentServer) -> None:
    with tls_to(impatient) as client:
        client.sendall(raw_request("/backup/files/files?snapshot=slow", token=f"Bearer {impatient.read_token}"))
        assert client.recv(100)
        assert children_end(impatient), "it reads no more, and is waited for no longer"


def test_a_client_that_leaves_takes_its_work_with_it(impatient: AgentServer) -> None:
    with tls_to(impatient) as client:
        client.sendall(raw_request("/backup/files/files?snapshot=left", token=f"Bearer {impatient.read_token}"))
        assert client.recv(100)
    assert children_end(impatient)


def children_end(agent: AgentServer) -> bool:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if not Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split() and not _threads_children(agent.pid):
            return True
        time.sleep(0.05)
    return False


def _threads_children(pid: int) -> list[str]:
    found: list[str] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            found += (task / "children").read_text().split()
    return found


def test_more_requests_a_minute_than_allowed_are_told_when_to_come_again(agents: Agents, served: Served) -> None:
    agent = agents.start(databases=[{"name": "main", "path": str(served.path)}], limits={"requests_per_minute": 3})
    answers = [raw_exchange(agent, raw_request("/backup/", token="Bearer wrong")) for _ in range(5)]
    assert [status_of(answer) for answer in answers] == [401, 401, 401, 429, 429]
    assert re.search(rb"\r\nRetry-After: \d+\r\n", answers[-1])


def test_a_hundred_clients_at_once_are_served_or_told_to_come_again_in_bounded_memory(
    agents: Agents, served: Served, tmp_path: Path
) -> None:  # fmt: skip
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(8):
        (folder / f"{number}").write_bytes(os.urandom(1 << 20))
    agent = agents.start(databases=[{"name": "main", "path": str(served.path)}], files=[{"path": str(folder)}])
    token = f"Bearer {agent.read_token}"
    raw_exchange(agent, raw_request("/backup/database/main?snapshot=a", token=token))
    paths = [
        "/backup/",
        "/backup/database/main?snapshot=a",
        "/backup/files/files?snapshot=f",
        "/backup/database/main/report?snapshot=b",
    ]

    def ask(number: int) -> int:
        with suppress(OSError):
            return status_of(raw_exchange(agent, raw_request(paths[number % 4], token=token), timeout=60))
        return 0

    with MemoryWatch(str(agent.configuration)) as watch, ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(silent(agent))
        with ThreadPoolExecutor(100) as pool:
            statuses = list(pool.map(ask, range(100)))
    told = {one: statuses.count(one) for one in sorted(set(statuses))}
    print(f"100 clients: {told}, {watch.peak_of_python >> 20} MiB the agent, {watch.peak >> 20} MiB with its work")
    assert set(statuses) <= {200, 503, 0}
    assert statuses.count(200) > 0
    assert statuses.count(503) > 0
    assert watch.peak < 160 << 20
    assert status_of(raw_exchange(agent, raw_request("/backup/", token=token))) == 200
    assert children_end(agent)
