"""Archives are pruned as every backup is, and the manifest beside one goes with it."""

from fleetsave.catalog.fleet_file import parse_fleet
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.slots import Slot
from fleetsave.prune.report import PruneReport
from fleetsave.prune.room import prune
from tests.unit.prune.bucket import DAY, FLEET_TEXT, NOW, Bucket

FLEET = parse_fleet(FLEET_TEXT + "    files: [{path: /srv/game}]\n    full: {retention: {keep_for: 7d}}\n")
FILES = ArtifactId("beta", Kind.FILES, "files")
FULL = ArtifactId("beta", Kind.FULL, "full")


def add(bucket: Bucket, artifact_id: ArtifactId, days: float) -> BackupKey:
    key = bucket.add(BackupKey(artifact_id, Slot(NOW - days * DAY), Compression.ZSTD))
    bucket.store.put(beside(key), b"a manifest")
    return key


def beside(key: BackupKey) -> str:
    assert key.beside_key is not None
    return key.beside_key


def run(bucket: Bucket) -> PruneReport:
    return prune(
        store=bucket.store, catalog=bucket.catalog, fleet=FLEET, default_keep_for=30 * DAY, now=NOW, execute=True, as_of=None,
        should_stop=lambda: False,
    )  # fmt: skip


def test_an_old_archive_goes_with_its_manifest_and_the_young_one_keeps_it() -> None:
    bucket = Bucket()
    young, _, young_full, old_full = [add(bucket, FILES, days) for days in (1, 40)] + [add(bucket, FULL, days) for days in (1, 8)]
    report = run(bucket)
    assert bucket.data() == {young.text, beside(young), young_full.text, beside(young_full)}
    assert (report.deleted, report.irregularities) == (2, [])
    assert bucket.catalog.has(old_full, RecordName.PRUNED)


def test_a_manifest_that_no_archive_stands_beside_is_told_of_and_left_alone() -> None:
    bucket = Bucket()
    add(bucket, FILES, 1)
    alone = beside(BackupKey(FILES, Slot(NOW - 2 * DAY), Compression.ZSTD))
    bucket.store.put(alone, b"a manifest")
    assert [one.key for one in run(bucket).irregularities] == [alone]
    assert alone in bucket.data()
