"""Every server with backups, records or a place in the fleet file is looked at, and each gets its turn to be the first."""

from datetime import timedelta
from math import ceil

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetsave.prune.servers import find_servers, in_turn
from tests.unit.prune.bucket import DAY, NOW, Bucket, fleet, key_of


def test_servers_are_found_by_data_by_records_and_by_the_fleet_file() -> None:
    bucket = Bucket()
    bucket.add(key_of(DAY, server_id="with-data"), ())
    bucket.add(key_of(DAY, server_id="with-records"), data=False)
    found, irregularities = find_servers(bucket.store, fleet())
    assert found == ["alpha", "beta", "central", "with-data", "with-records"]
    assert irregularities == []


def test_what_is_no_server_is_told_of() -> None:
    bucket = Bucket()
    foreign = ["servers/notes.txt", "servers/Not an id/x.db", "servers/central/database/x.db", "catalog/servers/Nor this/x.json"]
    for key in foreign:
        bucket.store.put(key, b"by hand")
    found, irregularities = find_servers(bucket.store, fleet())
    assert found == ["alpha", "beta", "central"]
    assert {one.key for one in irregularities} == {
        "servers/notes.txt",
        "servers/Not an id/",
        "servers/central/",
        "catalog/servers/Nor this/",
    }


def test_finding_costs_three_listings_whatever_the_servers_have() -> None:
    bucket = Bucket()
    bucket.add_ages(*range(50))
    find_servers(bucket.store, fleet())
    assert bucket.store.calls["folders"] + bucket.store.calls["files"] == 3
    assert bucket.store.calls["list"] == 0


@settings(deadline=None)
@given(servers=st.integers(1, 400), reached=st.integers(1, 400), day=st.integers(0, 5000))
def test_however_few_a_run_comes_to_each_server_is_reached_in_turn(servers: int, reached: int, day: int) -> None:
    names = [f"server-{number:03d}" for number in range(servers)]
    days = 2 * ceil(servers / reached) + 1
    seen: set[str] = set()
    for later in range(days):
        order = in_turn(names, NOW + timedelta(days=day + later))
        assert sorted(order) == names
        seen |= set(order[:reached])
    assert seen == set(names)


def test_the_runs_of_a_day_share_the_servers_out() -> None:
    names = [f"server-{number:03d}" for number in range(240)]
    midnight = NOW.replace(hour=0, minute=30)
    hourly = [in_turn(names, midnight + timedelta(hours=hour))[:14] for hour in range(24)]
    assert {name for reached in hourly for name in reached} == set(names)


def test_a_run_that_is_delivered_again_within_the_hour_begins_with_the_same_server() -> None:
    names = [f"server-{number:03d}" for number in range(100)]
    morning = NOW.replace(hour=4, minute=30)
    assert in_turn(names, morning) == in_turn(names, morning + timedelta(minutes=16))
    assert in_turn(names, morning) != in_turn(names, morning + DAY)
