"""Status costs the same after years, reads no state that has nothing to say, and misses nothing by looking less far back."""

from datetime import timedelta
from typing import cast

import pytest
from pydantic import TypeAdapter

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.fleet_file import parse_fleet
from fleetsave.catalog.safety import ArtifactSafety, FleetSafety, assess
from fleetsave.catalog.states import list_states
from fleetsave.collect.state import ArtifactState, Failure, StateFile
from fleetsave.model.errors import CatalogError, TransportError
from fleetsave.model.keys import ArtifactId, RecordName
from fleetsave.model.kinds import Kind
from fleetsave.store.base import ObjectStore
from tests.fakes.simulated_fleet import SimulatedFleet, simulated_fleet_file
from tests.fakes.simulated_history import Fault, fault_of, server_id
from tests.unit.prune.bucket import DAY, FLEET_TEXT, NOW, VERIFIED, Bucket, fleet, key_of

HOUR = timedelta(hours=1)
TWO_HOURS = timedelta(hours=2)


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def look(bucket: Bucket, maximum_age: timedelta = TWO_HOURS) -> FleetSafety:
    return assess(fleet(), bucket.store, bucket.catalog, maximum_age)


def found(safety: FleetSafety, artifact: str) -> ArtifactSafety:
    return next(one for one in safety.artifacts if one.artifact == artifact)


def simulated(servers: int, years: float = 1.0) -> tuple[FleetSafety, SimulatedFleet]:
    bucket = SimulatedFleet(servers, years=years)
    store = cast("ObjectStore", bucket)
    return assess(simulated_fleet_file(servers), store, Catalog(store), TWO_HOURS), bucket


# --- how far back --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [1, 20, 40, 400])
def test_however_old_the_newest_verified_backup_is_it_is_found(bucket: Bucket, days: int) -> None:
    old = bucket.add(key_of(days * DAY))
    newest = bucket.add(key_of(HOUR), (RecordName.STORED, RecordName.REJECTED))
    one = found(look(bucket), "alpha/database/database")
    assert (one.newest_verified_key, one.newest_key, one.is_safe) == (old.text, newest.text, False)


@pytest.mark.parametrize("days", [1, 20, 31])
def test_a_file_of_a_glob_that_is_captured_no_more_is_not_safe(bucket: Bucket, days: int) -> None:
    bucket.add(key_of(HOUR, artifact="worlds-nether"))
    bucket.add(key_of(days * DAY, artifact="worlds-end"))
    safety = look(bucket)
    assert found(safety, "alpha/database/worlds-nether").is_safe
    assert not found(safety, "alpha/database/worlds-end").is_safe


def test_one_that_is_captured_no_more_for_longer_is_known_by_its_state(bucket: Bucket) -> None:
    bucket.add(key_of(HOUR, artifact="worlds-nether"))
    bucket.add(key_of(300 * DAY, artifact="worlds-end"))
    bucket.store.put("state/alpha/database/worlds-end.json", b"{}")
    one = found(look(bucket), "alpha/database/worlds-end")
    assert (one.is_safe, one.newest_verified_key) == (False, key_of(300 * DAY, artifact="worlds-end").text)


def test_an_artifact_that_the_fleet_file_dropped_long_ago_is_told_of(bucket: Bucket) -> None:
    bucket.add(key_of(HOUR))
    bucket.add(key_of(HOUR, server_id="beta"))
    bucket.add(key_of(300 * DAY, server_id="beta", artifact="dropped"))
    bucket.add(key_of(300 * DAY, server_id="retired"))
    for artifact in ("dropped", "never-stored", "database"):
        bucket.store.put(f"state/beta/database/{artifact}.json", b"{}")
    assert look(bucket).not_in_fleet == ["beta/database/dropped", "retired/database/database"]


def test_a_kind_that_the_fleet_file_dropped_is_told_of(bucket: Bucket) -> None:
    dropped = ArtifactId("beta", Kind.FILES, "files")
    bucket.add(type(key_of(DAY))(dropped, key_of(DAY).slot, key_of(DAY).compression))
    assert look(bucket).not_in_fleet == ["beta/files/files"]


def test_any_maximum_age_can_be_asked_for(bucket: Bucket) -> None:
    bucket.add(key_of(900 * DAY))
    assert found(look(bucket, timedelta.max), "alpha/database/database").is_safe
    assert not found(look(bucket, timedelta(0)), "alpha/database/database").is_safe


def test_a_record_of_no_known_form_is_an_error_and_not_passed_over(bucket: Bucket) -> None:
    bucket.store.put(f"catalog/{key_of(HOUR).text}/notes.txt", b"by hand")
    with pytest.raises(CatalogError):
        look(bucket)


def test_the_order_is_that_of_the_fleet_file(bucket: Bucket) -> None:
    text = FLEET_TEXT.replace("- id: alpha", "- id: zeta") + "    full: {}\n"
    safety = assess(parse_fleet(text), bucket.store, bucket.catalog, TWO_HOURS)
    assert [one.artifact for one in safety.artifacts] == [
        "zeta/database/database", "zeta/database/worlds-*", "beta/database/database", "beta/full/full",
    ]  # fmt: skip


# --- what it costs -------------------------------------------------------------------------------------------------------


def test_only_state_that_has_something_to_say_is_read(bucket: Bucket) -> None:
    bucket.add(key_of(HOUR), VERIFIED)
    quiet, failed = ArtifactId("alpha", Kind.DATABASE, "database"), ArtifactId("beta", Kind.DATABASE, "database")
    error = TransportError("connect", "beta", "no answer", "Look at it.", retryable=True)
    for artifact_id in (quiet, failed):
        StateFile(bucket.store, artifact_id).save_failure(error, "20260615_120000", NOW)
    StateFile(bucket.store, quiet).save_success()
    before = bucket.store.calls["get"]
    safety = look(bucket)
    assert bucket.store.calls["get"] - before == 1
    assert list_states(bucket.store).telling == {failed}
    failure = found(safety, str(failed)).last_failure
    assert failure is not None
    assert failure["cause"] == "no answer"


def test_the_length_of_state_tells_whether_there_is_a_failure_in_it(bucket: Bucket) -> None:
    failed, quiet = (ArtifactId("alpha", Kind.DATABASE, name) for name in ("failed", "quiet"))
    shortest = ArtifactState(failure=Failure("", "", "", "", "", retryable=True, slot="", at=NOW))
    for artifact_id, state in ((failed, shortest), (quiet, ArtifactState())):
        bucket.store.put(artifact_id.state_key, TypeAdapter(ArtifactState).dump_json(state))
    assert list_states(bucket.store).telling == {failed}


def test_one_server_is_judged_by_a_few_calls_however_many_there_are() -> None:
    of_all, bucket = simulated(40)
    bucket.calls.clear()
    store = cast("ObjectStore", bucket)
    of_one = assess(simulated_fleet_file(40), store, Catalog(store), TWO_HOURS, server_id(5))
    assert of_one.artifacts == [one for one in of_all.artifacts if one.artifact.startswith(f"{server_id(5)}/")]
    assert (len(of_one.artifacts), of_one.is_safe) == (3, False)
    assert bucket.calls.total() <= 10


def test_a_fleet_is_judged_rightly_by_four_calls_a_server() -> None:
    safety, bucket = simulated(20)
    unsafe = [one for one in safety.artifacts if not one.is_safe]
    assert len(safety.artifacts) == 60
    assert [(one.artifact, one.problem) for one in unsafe] == [
        (f"{server_id(5)}/database/database", "its newest verified backup is 6 h 30 min old")
    ]
    assert fault_of(5) is Fault.UNSAFE
    assert unsafe[0].last_failure is not None
    assert safety.not_in_fleet == []
    assert bucket.calls.total() <= 4 * 20 + 10
    assert bucket.calls["get"] == 1


def test_neither_the_years_nor_the_size_of_the_fleet_change_what_a_server_costs() -> None:
    (_, young), (_, old), (_, large) = simulated(20, 0.1), simulated(20, 10), simulated(40)
    assert young.calls == old.calls
    assert young.entries == old.entries
    assert large.calls.total() == pytest.approx(2 * young.calls.total(), rel=0.05)
