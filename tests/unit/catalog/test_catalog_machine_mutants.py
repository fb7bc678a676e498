"""The model of the catalog can fail: each of these mistakes, made on purpose, breaks a promise in a history of a few steps."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from fleetsave.catalog.catalog import Catalog, Record, _adapter
from fleetsave.checks.checksum import ReadBack
from fleetsave.model.history import Backup
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.records import Finding, Level, Outcome, StoredRecord
from fleetsave.prune import deletion, server
from fleetsave.prune.deletion import Deletion
from fleetsave.prune.recovering import RecoveryWatch
from fleetsave.prune.report import Outcome as Pruning
from fleetsave.store.base import ObjectStore
from fleetsave.verify import room as verify_room
from fleetsave.verify import verdict
from tests.fixtures.catalog_promises import Promises
from tests.fixtures.catalog_world import HOUR, CatalogWorld

Patch = pytest.MonkeyPatch
History = Callable[[CatalogWorld], None]


def prune_deletes_before_it_writes_the_record(patch: Patch) -> None:
    def carry_out(self: Deletion, store: ObjectStore, catalog: Catalog, now: datetime) -> tuple[Pruning, str]:
        store.delete(self.decision.key.text)
        catalog.append(self.decision.key, RecordName.PRUNED, self._record(now))
        return Pruning.DELETED, ""

    patch.setattr(deletion.Deletion, "carry_out", carry_out)


def prune_does_not_ask_for_recoveries(patch: Patch) -> None:
    patch.setattr(RecoveryWatch, "reason", lambda *_: None)
    patch.setattr(RecoveryWatch, "reason_since", lambda *_: None)


def prune_does_not_see_pins(patch: Patch) -> None:
    patch.setattr(Backup, "is_pinned", False)
    patch.setattr(Deletion, "changed_since_listed", lambda *_: None)


def prune_keeps_no_newest(patch: Patch) -> None:
    def delete_all(share: Any, decisions: list[Any], _policy: object) -> list[object]:
        for decision in decisions:
            key = decision.key
            share.run.store.put(key.record_key(RecordName.PRUNED), b"{}")
            share.run.store.delete(key.text)
        return []

    patch.setattr(server._Share, "_carry_out", delete_all)


def verify_trusts_the_etag(patch: Patch) -> None:
    def prove(record: StoredRecord, *_: object) -> tuple[list[Finding], ReadBack]:
        passed = Finding("etag", Outcome.PASSED, "as it was", Level.EQUAL_TO_SOURCE)
        return [passed], ReadBack(record.stored_size, record.stored_sha256 or "", [], record.plain_size, record.plain_sha256)

    patch.setattr(verify_room, "prove", prove)
    patch.setattr(verdict, "verdict", lambda _: RecordName.VERIFIED)


def records_are_written_over(patch: Patch) -> None:
    def append(self: Catalog, key: BackupKey, name: RecordName, record: Record) -> bool:
        self._store.put(key.record_key(name), _adapter(name).dump_json(record))
        return True

    patch.setattr(Catalog, "append", append)
    patch.setattr(verify_room, "_standing_verdict", lambda *_: None)


def an_hour(world: CatalogWorld) -> None:
    world.now += HOUR
    world.schedule()
    world.collect(world.jobs.pop())
    world.verify(world.events.pop()[0])


def a_day_and_a_prune_that_dies(world: CatalogWorld) -> None:
    for _ in range(10):
        an_hour(world)
    world.dies_at = (1, True)
    world.prune()


def a_recovery_and_a_prune(world: CatalogWorld) -> None:
    for _ in range(10):
        an_hour(world)
    world.begin_recovery(world.stored_keys()[0])
    yield_to_invariants(world)
    world.prune()


def a_pin_and_a_prune(world: CatalogWorld) -> None:
    for _ in range(10):
        an_hour(world)
    world.pin(world.stored_keys()[0])
    yield_to_invariants(world)
    world.prune()


def a_day_and_a_prune(world: CatalogWorld) -> None:
    for _ in range(10):
        an_hour(world)
    yield_to_invariants(world)
    world.prune()


def a_bit_that_rots_before_it_is_judged(world: CatalogWorld) -> None:
    world.schedule()
    world.collect(world.jobs.pop())
    world.rot(world.stored_keys()[0], 4711)
    world.verify(world.stored_keys()[0])


def a_backup_read_twice(world: CatalogWorld) -> None:
    an_hour(world)
    yield_to_invariants(world)
    world.now += HOUR
    world.verify(world.stored_keys()[0], force=True)


def yield_to_invariants(world: CatalogWorld) -> None:
    """Let the promises be looked at between two steps, as the model does after each."""
    assert PROMISES[id(world)].broken() == []


PROMISES: dict[int, Promises] = {}


@pytest.mark.parametrize(
    ("make_mistake", "history"),
    [
        (prune_deletes_before_it_writes_the_record, a_day_and_a_prune_that_dies),
        (prune_does_not_ask_for_recoveries, a_recovery_and_a_prune),
        (prune_does_not_see_pins, a_pin_and_a_prune),
        (prune_keeps_no_newest, a_day_and_a_prune),
        (verify_trusts_the_etag, a_bit_that_rots_before_it_is_judged),
        (records_are_written_over, a_backup_read_twice),
    ],
)
def test_the_promises_find(
    make_mistake: Callable[[Patch], None], history: History, monkeypatch: Patch, tmp_path: Path
) -> None:  # fmt: skip
    assert broken_by(history, tmp_path) == []
    make_mistake(monkeypatch)
    assert broken_by(history, tmp_path)


def broken_by(history: History, scratch: Path) -> list[str]:
    """Return the promises that a history breaks, looked at half-way where it says so, and at its end."""
    world = CatalogWorld(scratch)
    PROMISES[id(world)] = Promises(world)
    history(world)
    return PROMISES.pop(id(world)).broken()
