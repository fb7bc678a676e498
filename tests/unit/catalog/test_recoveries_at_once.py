"""Two who ask for a recovery of one server at the same moment, interleaved call by call."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.errors import ObjectExistsError, ObjectNotFoundError, RecoveryRefusedError
from fleetsave.model.recoveries import Reason
from fleetsave.store.base import ObjectInfo, ObjectStore
from tests.fakes.memory_store import MemoryStore
from tests.fixtures.interleaving import interleave
from tests.unit.catalog.test_recoveries import NOW, REQUEST


class LookThenWrite:
    """A store without conditional writes: `if_absent` is a look before the write, each a call of its own."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Callable[..., object]:
        method: Callable[..., object] = getattr(self._store, name)
        return method

    def put(self, key: str, body: bytes, *, if_absent: bool = False) -> ObjectInfo:
        if if_absent:
            try:
                self._store.head(key)
            except ObjectNotFoundError:
                return self._store.put(key, body)
            raise ObjectExistsError("put", key, "an object is there already", "It is never replaced.")
        return self._store.put(key, body)


def begin_as(who: str, store: ObjectStore, *, conditional_writes: bool, idempotency: str | None = None) -> str:
    """Begin a recovery, and return its id with who stands in its record, or why it was refused."""
    seen = store if conditional_writes else LookThenWrite(store)
    recoveries = Recoveries(seen, conditional_writes=conditional_writes)  # type: ignore[arg-type]  # all that begin calls
    digest = (who if idempotency is None else "s") * 64
    try:
        begun = recoveries.begin(replace(REQUEST, requested_by=who, digest=digest, idempotency=idempotency), NOW)
    except RecoveryRefusedError as error:
        return error.reason
    return f"{begun.recovery.id} {'again' if begun.is_replay else who}"


@pytest.mark.parametrize("conditional_writes", [True, False])
def test_of_two_who_ask_at_once_at_most_one_goes_ahead_and_its_request_stands(*, conditional_writes: bool) -> None:
    seen: Counter[tuple[str, str]] = Counter()
    for seed in range(400):
        store = MemoryStore(lambda: NOW)
        one, other = (partial(begin_as, who, conditional_writes=conditional_writes) for who in "ab")
        outcomes = interleave(store, one, other, seed=seed)
        seen[outcomes] += 1
        winners = [outcome for outcome in outcomes if outcome != Reason.RECOVERY_RUNNING]
        assert len(winners) <= 1, f"seed {seed}"
        assert len(winners) == 1 or not conditional_writes, f"seed {seed}"
        stored = [f"{one.id} {one.request.requested_by}" for one in map(Recoveries(store).read, Recoveries(store).listed())]
        assert stored == winners, f"seed {seed}"
    assert {("alpha.000001 a", "recovery_running"), ("recovery_running", "alpha.000001 b")} <= set(seen)


def test_the_same_request_sent_twice_at_once_is_one_recovery() -> None:
    for seed in range(200):
        one, other = (partial(begin_as, who, conditional_writes=True, idempotency="a" * 64) for who in "ab")
        outcomes = interleave(MemoryStore(lambda: NOW), one, other, seed=seed)
        assert sorted(outcomes) in (["alpha.000001 a", "alpha.000001 again"], ["alpha.000001 again", "alpha.000001 b"])
