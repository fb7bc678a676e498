"""A claim keeps rivals out for as long as a call of the API can last, and no longer."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from fleetsave.catalog.recoveries import Recoveries
from fleetsave.catalog.recovery_claims import is_claimed_alone
from fleetsave.model.errors import RecoveryRefusedError, StoreError
from fleetsave.model.kinds import Kind
from fleetsave.model.recoveries import Reason
from fleetsave.model.recovery_keys import RecoveryId, recovery_claim_key, recovery_claims_prefix
from fleetsave.model.recovery_records import RecoveryRequest
from tests.fakes.memory_store import MemoryStore

FIRST = RecoveryId("alpha", 1)
REQUEST = RecoveryRequest("alpha", Kind.DATABASE, "alpha", "somebody", "1" * 64)


@dataclass
class Clock:
    now: datetime = field(default=datetime(2026, 6, 15, 3, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryStore:
    return MemoryStore(clock)


def test_alone_it_holds(store: MemoryStore) -> None:
    assert is_claimed_alone(store, FIRST)


def test_beside_a_rivals_it_is_withdrawn_and_does_not_keep_out_a_third(store: MemoryStore) -> None:
    rival = recovery_claim_key(FIRST, "rival")
    store.put(rival, b"claimed")
    assert not is_claimed_alone(store, FIRST)
    store.delete(rival)
    assert is_claimed_alone(store, FIRST)
    assert len(list(store.list(recovery_claims_prefix(FIRST)))) == 2


def test_a_claim_of_a_call_that_was_killed_ends_after_a_minute(store: MemoryStore, clock: Clock) -> None:
    store.put(recovery_claim_key(FIRST, "killed"), b"claimed")
    clock.now += timedelta(seconds=60)
    assert not is_claimed_alone(store, FIRST)
    clock.now += timedelta(seconds=1)
    assert is_claimed_alone(store, FIRST)


def test_claims_of_other_recoveries_do_not_matter(store: MemoryStore) -> None:
    for other in (RecoveryId("alpha", 2), RecoveryId("alpha-2", 1)):
        store.put(recovery_claim_key(other, "rival"), b"claimed")
    assert is_claimed_alone(store, FIRST)


def test_a_contested_begin_is_refused_with_nothing_begun_and_may_be_asked_again(store: MemoryStore, clock: Clock) -> None:
    recoveries = Recoveries(store, conditional_writes=False)
    store.put(recovery_claim_key(FIRST, "rival"), b"claimed")
    with pytest.raises(RecoveryRefusedError, match="at the same moment") as caught:
        recoveries.begin(REQUEST, clock.now)
    assert (caught.value.reason, caught.value.recovery_id) == (Reason.RECOVERY_RUNNING, None)
    assert recoveries.listed() == []
    clock.now += timedelta(seconds=61)
    assert recoveries.begin(REQUEST, clock.now).recovery.id == FIRST


def test_where_writes_are_conditional_no_claims_are_made(store: MemoryStore, clock: Clock) -> None:
    Recoveries(store).begin(REQUEST, clock.now)
    assert list(store.list("recoveries/claims/")) == []


def test_a_store_that_cannot_tell_of_rivals_begins_nothing(store: MemoryStore, clock: Clock) -> None:
    store.fail("list", StoreError("list", "recoveries/", "SlowDown", "Wait.", retryable=True), call=2)
    with pytest.raises(StoreError):
        Recoveries(store, conditional_writes=False).begin(REQUEST, clock.now)
    assert Recoveries(store).listed() == []
