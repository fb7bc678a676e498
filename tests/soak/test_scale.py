"""The published figures for fleets of 100, 1,000 and 10,000 servers: seconds, memory and calls of watchdog, prune and status.

The store is simulated, and answers every call after 20 ms; a day's backups are due to be pruned, and a year's records are there.
What the SDK itself takes for each call comes on top, and is measured for itself.
"""

import pytest

from tests.fixtures import scale_process, sdk_process
from tests.fixtures.scale_process import Took
from tests.soak.figures import record

SIZES = (100, 1_000, 10_000)
LATENCY = 0.02
DEADLINE = 870.0
"""Seconds after which prune's function takes up nothing new."""

DUE = 24 + 4 + 1

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


def noted(what: str, servers: int) -> Took:
    """Run it, record what it took, and return it."""
    took = scale_process.run(what, servers, LATENCY, DEADLINE)
    done = took.found.get("servers_done", servers)
    record(
        f"scale of {what}",
        servers=servers,
        seconds=took.seconds,
        cpu_seconds=took.cpu_seconds,
        peak_megabytes=took.peak_megabytes,
        calls=sum(took.calls.values()),
        calls_a_server=round(sum(took.calls.values()) / max(int(done), 1), 1),
        calls_by_method=took.calls,
        **took.found,
    )
    return took


@pytest.mark.parametrize("servers", SIZES)
def test_prune(servers: int) -> None:
    took = noted("prune", servers)
    found = took.found
    assert found["failures"] == 0
    assert found["servers_done"] + found["servers_left"] == servers
    if not found["servers_left"]:
        twentieths = servers // 20
        assert found["deleted"] == servers * DUE - 2 * twentieths
        assert (found["held"], found["irregularities"]) == (twentieths, 2 * twentieths)
    assert took.peak_megabytes < 512


@pytest.mark.parametrize("servers", SIZES)
def test_status(servers: int) -> None:
    took = noted("status", servers)
    assert took.found == {"artifacts": 3 * servers, "unsafe": servers // 20, "not_in_fleet": 0}
    assert sum(took.calls.values()) <= 5 * servers + 100


@pytest.mark.parametrize("servers", SIZES)
def test_watchdog(servers: int) -> None:
    took = noted("watchdog", servers)
    twentieths = servers // 20
    assert took.found["artifacts"] == 3 * servers
    for kind in ("too_old", "not_verified", "suspect"):
        assert took.found[kind] == twentieths


def test_the_sdk() -> None:
    took = sdk_process.measure()
    record("what the SDK takes", seed=None, **took)
    assert took["page_milliseconds"] > took["head_milliseconds"] > 0
