"""Dumps of the central PostgreSQL are pruned as every backup is, and the globals beside one go with it."""

import pytest

from fleetsave.catalog.fleet_file import parse_fleet
from fleetsave.model.errors import FleetsaveError, StoreError
from fleetsave.model.keys import CENTRAL_SERVER_ID, ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, DumpFormat, Kind
from fleetsave.model.retention import Rule
from fleetsave.model.slots import Slot
from fleetsave.prune.report import PruneReport
from fleetsave.prune.room import prune
from tests.fakes.memory_store import MemoryStore
from tests.unit.prune.bucket import DAY, FLEET_TEXT, NOW, Bucket
from tests.unit.prune.runs import line

FLEET = parse_fleet(
    f"""{FLEET_TEXT}
postgresql:
  host: db.example.net
  secret: fleetsave/postgresql/read-central
  databases: [{{database: game}}, {{name: shop, database: shop, format: custom}}]
"""
)


def key_of(days: float, artifact: str = "postgresql") -> BackupKey:
    artifact_id = ArtifactId(CENTRAL_SERVER_ID, Kind.POSTGRESQL, artifact)
    if artifact == "shop":
        return BackupKey(artifact_id, Slot(NOW - days * DAY), Compression.NONE, DumpFormat.CUSTOM)
    return BackupKey(artifact_id, Slot(NOW - days * DAY), Compression.ZSTD)


def run(store: MemoryStore, bucket: Bucket) -> PruneReport:
    return prune(
        store=store, catalog=bucket.catalog, fleet=FLEET, default_keep_for=30 * DAY, now=NOW, execute=True, as_of=None,
        should_stop=lambda: False,
    )  # fmt: skip


@pytest.fixture
def bucket() -> Bucket:
    """Dumps of 1 and 40 days of two databases, with their globals."""
    bucket = Bucket()
    for artifact in ("postgresql", "shop"):
        for days in (1, 40):
            key = bucket.add(key_of(days, artifact))
            assert key.beside_key is not None
            bucket.store.put(key.beside_key, b"CREATE ROLE game;")
    return bucket


def test_an_old_dump_goes_with_its_globals_and_the_young_one_keeps_them(bucket: Bucket) -> None:
    report = run(bucket.store, bucket)
    young, shop = key_of(1), key_of(1, "shop")
    assert bucket.data() == {young.text, young.beside_key, shop.text, shop.beside_key}
    assert report.deleted == 2
    assert bucket.catalog.has(key_of(40), RecordName.PRUNED)
    assert report.irregularities == []


class FailsOnce(MemoryStore):
    """Fails the first time it is to delete a dump."""

    has_failed = False

    def delete(self, key: str) -> None:
        if not self.has_failed and not key.endswith("_globals.sql"):
            self.has_failed = True
            raise StoreError("delete", key, "the connection broke", "Wait.", retryable=True)
        super().delete(key)


def test_a_run_cut_short_between_the_two_is_finished_by_the_next(bucket: Bucket) -> None:
    failing = FailsOnce()
    failing.__dict__.update(bucket.store.__dict__)
    with pytest.raises(FleetsaveError):
        run(failing, bucket).require_complete()
    run(bucket.store, bucket)
    young, shop = key_of(1), key_of(1, "shop")
    assert bucket.data() == {young.text, young.beside_key, shop.text, shop.beside_key}


def test_globals_that_no_dump_stands_beside_are_told_of_and_left_alone(bucket: Bucket) -> None:
    alone = key_of(3).beside_key
    assert alone is not None
    bucket.store.put(alone, b"CREATE ROLE game;")
    report = run(bucket.store, bucket)
    assert [one.key for one in report.irregularities] == [alone]
    assert alone in bucket.data()


def test_a_dump_that_could_not_be_tried_out_holds_pruning_until_a_person_decides(bucket: Bucket) -> None:
    newest = bucket.add(key_of(0.1), (RecordName.STORED, RecordName.INCONCLUSIVE))
    report = run(bucket.store, bucket)
    old = line(report, key_of(40))
    assert (old.rule, key_of(40).text in bucket.data()) == (Rule.HELD, True)
    assert "fleetsave verify --accept" in old.reason
    assert newest.text in old.reason
