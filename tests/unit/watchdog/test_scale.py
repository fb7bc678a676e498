"""What a look takes for each server is the same in a fleet of any size and after any number of years."""

from collections import Counter

import pytest

from fleetsave.model.watch import ProblemKind, WatchReport
from fleetsave.watchdog.room import watch
from tests.fakes.simulated_fleet import SimulatedFleet
from tests.fakes.simulated_history import Fault, fault_of, server_id
from tests.fixtures.scale_process import ports_of


def look(servers: int, years: float = 1.0) -> tuple[WatchReport, SimulatedFleet]:
    bucket = SimulatedFleet(servers, years=years)
    return watch(ports_of(bucket)), bucket


def test_everything_that_is_wrong_lately_is_found_by_few_calls() -> None:
    report, bucket = look(20)
    assert len(report.artifacts) == 60
    found = {(problem.kind, problem.server_id) for problem in report.problems}
    assert {
        (ProblemKind.TOO_OLD, server_id(5)),
        (ProblemKind.NOT_CAPTURED, server_id(5)),
        (ProblemKind.NOT_VERIFIED, server_id(3)),
        (ProblemKind.SUSPECT, server_id(13)),
    } <= found
    assert [fault_of(number) for number in (5, 3, 13)] == [Fault.UNSAFE, Fault.UNVERIFIED, Fault.SUSPECT]
    assert {server for _, server in found} <= {server_id(number) for number in range(20) if fault_of(number)}
    assert bucket.calls.total() <= 6 * 20 + 30


def test_the_calls_are_those_of_the_servers_and_not_of_the_years() -> None:
    def calls(servers: int, years: float) -> Counter[str]:
        return look(servers, years)[1].calls

    twenty, forty = calls(20, 1), calls(40, 1)
    assert calls(20, 10) == twenty
    assert forty.total() == pytest.approx(2 * twenty.total(), rel=0.3)
