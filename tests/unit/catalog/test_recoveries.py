"""Recoveries are begun one at a time for each server, told once, and listed without being read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.errors import CatalogError, ObjectExistsError, ObjectNotFoundError, RecoveryRefusedError, StoreError
from fleetsave.model.kinds import Kind
from fleetsave.model.recoveries import FINAL, Reason, Recovery
from fleetsave.model.recovery_keys import RecoveryId, idempotency_key
from fleetsave.model.recovery_records import Progress, RecoveryRecord, RecoveryRequest, RecoveryState
from fleetsave.store.base import ObjectInfo
from tests.fakes.memory_store import MemoryStore

NOW = datetime(2026, 6, 15, 3, 0, tzinfo=UTC)
FIRST = RecoveryId("alpha", 1)
REQUEST = RecoveryRequest("alpha", Kind.DATABASE, "alpha", "somebody", "1" * 64)
KEYED = replace(REQUEST, idempotency="a" * 64)
LOST = StoreError("put", "recoveries/", "connection reset", "Wait.", retryable=True)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(lambda: NOW)


@pytest.fixture
def recoveries(store: MemoryStore) -> Recoveries:
    return Recoveries(store)


def reach(recoveries: Recoveries, recovery: Recovery, state: RecoveryState) -> Recovery:
    return recoveries.append(recovery, RecoveryRecord(str(recovery.id), state, NOW, "", "0"))


# --- begin ---------------------------------------------------------------------------------------------------------------


def test_the_first_recovery_has_number_one_and_holds_its_request(recoveries: Recoveries) -> None:
    begun = recoveries.begin(REQUEST, NOW)
    assert (begun.recovery.id, begun.is_replay) == (FIRST, False)
    loaded = recoveries.load(FIRST)
    assert loaded == begun.recovery
    assert loaded.request == REQUEST
    assert loaded.records[0].detail == "asked for by somebody"


def test_a_server_has_one_recovery_at_a_time_and_others_are_free(recoveries: Recoveries) -> None:
    recoveries.begin(REQUEST, NOW)
    with pytest.raises(RecoveryRefusedError, match=r"alpha\.000001 is under way") as caught:
        recoveries.begin(replace(REQUEST, digest="2" * 64), NOW)
    assert (caught.value.reason, caught.value.recovery_id) == (Reason.RECOVERY_RUNNING, "alpha.000001")
    elsewhere = recoveries.begin(replace(REQUEST, target_server_id="beta"), NOW)
    assert elsewhere.recovery.id == RecoveryId("beta", 1)


@pytest.mark.parametrize("end", sorted(FINAL))
def test_after_any_end_the_next_number_is_taken(recoveries: Recoveries, end: RecoveryState) -> None:
    for number in (1, 2, 3):
        begun = recoveries.begin(REQUEST, NOW).recovery
        assert begun.id.number == number
        reach(recoveries, begun, end)


def test_the_same_request_without_a_key_is_another_request(recoveries: Recoveries) -> None:
    recoveries.begin(REQUEST, NOW)
    with pytest.raises(RecoveryRefusedError):
        recoveries.begin(REQUEST, NOW)


# --- replays -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [None, *sorted(FINAL)])
def test_the_same_request_with_the_same_key_is_a_replay_also_after_its_end(
    recoveries: Recoveries, end: RecoveryState | None
) -> None:
    begun = recoveries.begin(KEYED, NOW).recovery
    if end:
        begun = reach(recoveries, begun, end)
    again = recoveries.begin(KEYED, NOW + timedelta(days=1))
    assert (again.recovery, again.is_replay) == (begun, True)
    assert recoveries.replayed(KEYED) == begun
    assert [one.id for one in recoveries.listed("alpha")] == [FIRST]


@pytest.mark.parametrize("is_finished", [False, True])
@pytest.mark.parametrize("is_remembered", [False, True])
def test_another_request_with_the_same_key_is_refused(
    store: MemoryStore, recoveries: Recoveries, *, is_finished: bool, is_remembered: bool
) -> None:
    begun = recoveries.begin(KEYED, NOW).recovery
    if not is_remembered and not is_finished:
        store.delete(idempotency_key("a" * 64))
    if is_finished:
        reach(recoveries, begun, RecoveryState.RECOVERED)
    with pytest.raises(RecoveryRefusedError) as caught:
        recoveries.begin(replace(KEYED, digest="2" * 64), NOW)
    assert caught.value.reason == Reason.IDEMPOTENCY_MISMATCH


def test_a_key_is_good_for_one_recovery_whatever_the_server(recoveries: Recoveries) -> None:
    recoveries.begin(KEYED, NOW)
    with pytest.raises(RecoveryRefusedError) as caught:
        recoveries.begin(replace(KEYED, target_server_id="beta", digest="2" * 64), NOW)
    assert caught.value.reason == Reason.IDEMPOTENCY_MISMATCH


def test_a_request_that_was_cut_off_before_it_was_remembered_is_a_replay_all_the_same(
    store: MemoryStore, recoveries: Recoveries
) -> None:
    store.fail("put", LOST, call=2)
    with pytest.raises(StoreError):
        recoveries.begin(KEYED, NOW)
    again = recoveries.begin(KEYED, NOW)
    assert (again.recovery.id, again.is_replay) == (FIRST, True)
    assert store.get(idempotency_key("a" * 64))


def test_an_answer_that_cannot_be_read_is_an_error_and_begins_nothing(store: MemoryStore, recoveries: Recoveries) -> None:
    store.put(idempotency_key("a" * 64), b"{broken")
    with pytest.raises(CatalogError, match="Idempotency-Key"):
        recoveries.begin(KEYED, NOW)
    assert recoveries.listed("alpha") == []


# --- lost replies and other failures ----------------------------------------------------------------------------------------


class Repeating(MemoryStore):
    """Sends a call again whose reply was lost, as a client of a store does."""

    def put(self, key: str, body: bytes, **how: object) -> ObjectInfo:
        try:
            return super().put(key, body, **how)  # type: ignore[arg-type]  # handed through as it came
        except StoreError as error:
            if not error.retryable:
                raise
            return super().put(key, body, **how)  # type: ignore[arg-type]  # handed through as it came


def test_a_claim_whose_reply_was_lost_is_known_for_ones_own() -> None:
    store = Repeating(lambda: NOW)
    store.fail("put", LOST, after=True)
    begun = Recoveries(store).begin(REQUEST, NOW)
    assert (begun.recovery.id, begun.is_replay) == (FIRST, False)


def test_a_record_whose_reply_was_lost_is_known_for_ones_own() -> None:
    store = Repeating(lambda: NOW)
    recoveries = Recoveries(store)
    begun = recoveries.begin(REQUEST, NOW).recovery
    store.fail("put", LOST, after=True)
    appended = reach(recoveries, begun, RecoveryState.SELECTED)
    assert recoveries.load(FIRST) == appended


def test_a_record_of_that_number_that_is_anothers_is_never_replaced(store: MemoryStore, recoveries: Recoveries) -> None:
    begun = recoveries.begin(REQUEST, NOW).recovery
    other = FIRST.record_key(2, RecoveryState.SELECTED)
    write = store.put

    def intrude(key: str, body: bytes, **how: object) -> ObjectInfo:
        write(other, b"theirs")
        return write(key, body, **how)  # type: ignore[arg-type]  # handed through as it came

    store.put = intrude  # type: ignore[method-assign]  # the moment to be tried
    with pytest.raises(ObjectExistsError):
        reach(recoveries, begun, RecoveryState.SELECTED)
    assert store.get(other) == b"theirs"


@pytest.mark.parametrize("method", ["list", "get", "put"])
def test_a_store_that_fails_is_told(store: MemoryStore, recoveries: Recoveries, method: str) -> None:
    store.fail(method, LOST)
    with pytest.raises(StoreError, match="connection reset"):
        recoveries.begin(KEYED, NOW)


# --- reading and listing -------------------------------------------------------------------------------------------------


def test_records_are_numbered_in_the_order_they_are_written(store: MemoryStore, recoveries: Recoveries) -> None:
    recovery = recoveries.begin(REQUEST, NOW).recovery
    states = [RecoveryState.SELECTED, RecoveryState.CANCEL_REQUESTED, RecoveryState.CANCELLED]
    for state in states:
        recovery = reach(recoveries, recovery, state)
    assert recoveries.load(FIRST) == recovery
    names = sorted(info.key.rpartition("/")[2] for info in store.list(FIRST.prefix))
    assert names == ["001-requested.json", "002-selected.json", "003-cancel_requested.json", "004-cancelled.json"]


def test_listings_tell_the_newest_first_and_read_nothing(store: MemoryStore, recoveries: Recoveries) -> None:
    done = reach(recoveries, recoveries.begin(REQUEST, NOW).recovery, RecoveryState.FAILED)
    recoveries.begin(KEYED, NOW)
    recoveries.begin(replace(REQUEST, target_server_id="beta"), NOW)
    before = store.calls["get"]
    assert [(str(one.id), one.is_finished) for one in recoveries.listed("alpha")] == [
        ("alpha.000002", False),
        (str(done.id), True),
    ]
    assert {str(one.id) for one in recoveries.listed()} == {"alpha.000001", "alpha.000002", "beta.000001"}
    assert (recoveries.running("alpha"), recoveries.running("gamma")) == (RecoveryId("alpha", 2), None)
    assert store.calls["get"] == before


def test_a_server_whose_name_begins_like_anothers_is_not_listed_with_it(recoveries: Recoveries) -> None:
    recoveries.begin(replace(REQUEST, target_server_id="alpha-2"), NOW)
    assert recoveries.listed("alpha") == []
    assert recoveries.running("alpha") is None


def test_what_was_listed_can_be_read_without_listing_it_again(store: MemoryStore, recoveries: Recoveries) -> None:
    begun = recoveries.begin(REQUEST, NOW).recovery
    (listed,) = recoveries.listed("alpha")
    before = store.calls["list"]
    assert recoveries.read(listed) == begun
    assert store.calls["list"] == before


def test_whether_one_has_begun_is_asked_by_name(store: MemoryStore, recoveries: Recoveries) -> None:
    assert not recoveries.has_begun(FIRST)
    recoveries.begin(REQUEST, NOW)
    before = store.calls["list"]
    assert recoveries.has_begun(FIRST)
    assert store.calls["list"] == before


def test_a_recovery_that_is_not_there_is_not_found(recoveries: Recoveries) -> None:
    with pytest.raises(ObjectNotFoundError, match="there is none of that id"):
        recoveries.load(FIRST)


@pytest.mark.parametrize("body", [b"", b"{broken", b"[]", b'{"recovery_id": "alpha.000001"}'])
def test_a_record_that_cannot_be_read_is_told_by_its_key(store: MemoryStore, recoveries: Recoveries, body: bytes) -> None:
    store.put(FIRST.record_key(1, RecoveryState.REQUESTED), body)
    with pytest.raises(CatalogError, match=r"alpha\.000001/001-requested\.json"):
        recoveries.load(FIRST)
    assert recoveries.running("alpha") == FIRST


def test_a_first_record_without_a_request_is_told(recoveries: Recoveries) -> None:
    reach(recoveries, Recovery(FIRST, ()), RecoveryState.SELECTED)
    with pytest.raises(CatalogError, match="holds no request"):
        recoveries.load(FIRST)


@pytest.mark.parametrize("name", ["alpha.000001/notes.txt", "alpha.000001/002-strange.json", "alpha.1/001-requested.json"])
def test_what_is_no_record_stops_every_begin_until_it_is_moved(store: MemoryStore, recoveries: Recoveries, name: str) -> None:
    store.put(f"recoveries/{name}", b"{}")
    for ask in (partial(recoveries.begin, REQUEST, NOW), partial(recoveries.listed, "alpha"), recoveries.listed):
        with pytest.raises(CatalogError, match="Move it out"):
            ask()


# --- progress ------------------------------------------------------------------------------------------------------------


def test_progress_is_replaced_and_may_be_lost(store: MemoryStore, recoveries: Recoveries) -> None:
    assert recoveries.progress("alpha") is None
    for done in (1, 2):
        recoveries.save_progress(FIRST, Progress(str(FIRST), NOW, done, 9))
    assert recoveries.progress("alpha") == Progress(str(FIRST), NOW, 2, 9)
    assert recoveries.progress("beta") is None
    store.put("state/alpha/recovery.json", b"{broken")
    assert recoveries.progress("alpha") is None
