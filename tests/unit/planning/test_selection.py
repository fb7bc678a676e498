"""A request means one backup, or is refused with the reason, before anything else is looked at."""

from typing import Any

import pytest

from fleetsave.model.errors import InvalidInputError, RecoveryRefusedError
from fleetsave.model.fleet import Fleet
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.recoveries import Reason
from fleetsave.model.slots import Slot
from fleetsave.planning.selection import select
from tests.unit.planning.requests import ask, fleet_of
from tests.unit.prune.bucket import DAY, NOW, VERIFIED, Bucket, CutListing, fleet, key_of

STORED = (RecordName.STORED,)
SUSPECT = (RecordName.STORED, RecordName.SUSPECT)
REJECTED = (RecordName.STORED, RecordName.REJECTED)
PRUNED = (*VERIFIED, RecordName.PRUNED)


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def selected(bucket: Bucket, *, of: Fleet | None = None, **request: Any) -> BackupKey:
    return select(ask(**request), of or fleet(), bucket.catalog).key


def refused(bucket: Bucket, *, of: Fleet | None = None, **request: Any) -> str:
    with pytest.raises(RecoveryRefusedError) as caught:
        selected(bucket, of=of, **request)
    assert caught.value.hint
    return caught.value.reason


# --- the newest -----------------------------------------------------------------------------------------------------------


def test_without_a_key_the_newest_verified_backup_is_meant(bucket: Bucket) -> None:
    newest, _ = bucket.add_ages(2, 3)
    bucket.add(key_of(DAY / 2), STORED)
    bucket.add(key_of(DAY / 3), SUSPECT)
    bucket.add(key_of(DAY / 4), REJECTED)
    bucket.add(key_of(DAY / 5), PRUNED)
    bucket.add(key_of(DAY / 6, artifact="safety-database"))
    bucket.add(key_of(DAY / 9, artifact="worlds-nether"))
    bucket.add(key_of(DAY / 8, "beta"))
    assert selected(bucket) == newest


def test_a_time_means_the_newest_verified_backup_not_later_than_it(bucket: Bucket) -> None:
    one, two, three = bucket.add_ages(1, 2, 3)
    for at, meant in ((NOW, one), (two.slot.at, two), (one.slot.at - DAY / 2, two), (three.slot.at, three)):
        assert selected(bucket, at=at) == meant
    assert refused(bucket, at=NOW - 4 * DAY) == Reason.NO_BACKUP


def test_unverified_ones_count_if_they_are_allowed_and_rejected_ones_never_by_themselves(bucket: Bucket) -> None:
    bucket.add_ages(3)
    suspect = bucket.add(key_of(2 * DAY), SUSPECT)
    bucket.add(key_of(DAY), REJECTED)
    assert selected(bucket, allow_unverified=True) == suspect
    stored = bucket.add(key_of(DAY / 2), STORED)
    assert selected(bucket, allow_unverified=True) == stored


@pytest.mark.parametrize("records", [None, STORED, SUSPECT, REJECTED, PRUNED])
def test_without_a_verified_backup_there_is_none(bucket: Bucket, records: tuple[RecordName, ...] | None) -> None:
    if records:
        bucket.add(key_of(DAY), records)
    assert refused(bucket) == Reason.NO_BACKUP


def test_a_backup_of_any_compression_is_found(bucket: Bucket) -> None:
    plain = BackupKey(ArtifactId("alpha", Kind.DATABASE, "database"), Slot(NOW - DAY), Compression.NONE)
    bucket.add(plain)
    assert selected(bucket) == selected(bucket, artifact=None, backup_key=f"{plain}.zst") == plain


# --- which artifact ---------------------------------------------------------------------------------------------------------


def test_the_artifact_named_as_its_kind_is_meant_if_none_is_named(bucket: Bucket) -> None:
    newest, *_ = bucket.add_ages(1)
    bucket.add(key_of(DAY / 2, artifact="worlds-nether"))
    assert selected(bucket, artifact=None) == newest


def test_the_only_artifact_is_meant_if_none_is_named(bucket: Bucket) -> None:
    key = bucket.add(key_of(DAY, artifact="players"))
    assert selected(bucket, of=fleet_of({"name": "players", "path": "/srv/game.db"}), artifact=None) == key


def test_a_globs_only_file_is_meant_if_none_is_named(bucket: Bucket) -> None:
    only_globs = fleet_of({"name": "worlds", "path": "/srv/worlds/*.db"})
    assert refused(bucket, of=only_globs, artifact=None) == Reason.NO_BACKUP
    nether = bucket.add(key_of(DAY, artifact="worlds-nether"))
    bucket.add(key_of(DAY / 2, artifact="safety-worlds-nether"))
    assert selected(bucket, of=only_globs, artifact=None) == nether
    bucket.add(key_of(DAY, artifact="worlds-end"))
    assert refused(bucket, of=only_globs, artifact=None) == Reason.AMBIGUOUS_ARTIFACT


def test_of_several_artifacts_one_has_to_be_named(bucket: Bucket) -> None:
    two = fleet_of({"name": "players", "path": "/srv/p.db"}, {"name": "market", "path": "/srv/m.db"})
    key = bucket.add(key_of(DAY, artifact="market"))
    with pytest.raises(RecoveryRefusedError, match="players, market") as caught:
        selected(bucket, of=two, artifact=None)
    assert caught.value.reason == Reason.AMBIGUOUS_ARTIFACT
    assert selected(bucket, of=two, artifact="market") == key


def test_a_server_with_nothing_of_the_kind_has_nothing_to_restore(bucket: Bucket) -> None:
    assert refused(bucket, of=fleet_of(), artifact=None) == Reason.UNKNOWN_ARTIFACT


def test_a_server_that_the_fleet_file_does_not_name_is_unknown(bucket: Bucket) -> None:
    assert refused(bucket, server_id="gamma", artifact=None) == Reason.UNKNOWN_SERVER


def test_a_safety_backup_is_meant_only_if_it_is_named(bucket: Bucket) -> None:
    safety = bucket.add(key_of(DAY, artifact="safety-database"))
    assert refused(bucket) == Reason.NO_BACKUP
    assert selected(bucket, artifact="safety-database") == safety
    assert selected(bucket, artifact=None, backup_key=safety.text) == safety


# --- the one named --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["", ".zst"])
def test_a_key_means_its_backup_with_or_without_its_ending(bucket: Bucket, ending: str) -> None:
    _, older = bucket.add_ages(1, 2)
    assert selected(bucket, artifact=None, backup_key=older.text.removesuffix(".zst") + ending) == older


@pytest.mark.parametrize(
    ("records", "allowed", "reason"),
    [
        (STORED, False, Reason.NOT_VERIFIED),
        (SUSPECT, False, Reason.NOT_VERIFIED),
        (REJECTED, False, Reason.REJECTED),
        (PRUNED, False, Reason.PRUNED),
        (PRUNED, True, Reason.PRUNED),
        (STORED, True, None),
        (SUSPECT, True, None),
        (REJECTED, True, None),
    ],
)
def test_a_named_backup_must_be_fit(
    bucket: Bucket, records: tuple[RecordName, ...], reason: Reason | None, *, allowed: bool
) -> None:
    key = bucket.add(key_of(DAY), records)
    if reason is None:
        assert selected(bucket, backup_key=key.text, allow_unverified=allowed) == key
    else:
        assert refused(bucket, backup_key=key.text, allow_unverified=allowed) == reason


def test_a_backup_marked_as_pruned_is_refused_even_if_the_listing_hides_it(bucket: Bucket) -> None:
    key = bucket.add(key_of(DAY), PRUNED)
    bucket.store = CutListing(bucket.store, lambda name: name.endswith("pruned.json"))
    bucket.catalog = type(bucket.catalog)(bucket.store)
    assert refused(bucket, backup_key=key.text) == Reason.PRUNED
    assert refused(bucket) == Reason.PRUNED


def test_a_key_of_another_server_or_kind_or_of_nothing_is_refused(bucket: Bucket) -> None:
    theirs = bucket.add(key_of(DAY, "beta"))
    files = BackupKey(ArtifactId("alpha", Kind.FILES, "files"), Slot(NOW - DAY), Compression.ZSTD)
    assert refused(bucket, backup_key=theirs.text) == Reason.OTHER_SERVERS_BACKUP
    assert refused(bucket, backup_key=files.text) == Reason.WRONG_TYPE
    assert refused(bucket, backup_key=key_of(DAY).text) == Reason.UNKNOWN_BACKUP


@pytest.mark.parametrize("text", ["", "/", "servers/alpha/database/../x", "servers/alpha/database/\0", "catalog/x", "%2e%2e"])
def test_what_is_no_key_is_refused_before_the_store_is_asked(bucket: Bucket, text: str) -> None:
    before = dict(bucket.store.calls)
    with pytest.raises(InvalidInputError):
        selected(bucket, backup_key=text)
    assert dict(bucket.store.calls) == before


@pytest.mark.parametrize("kind", [Kind.FILES, Kind.FULL])
def test_a_kind_of_which_the_fleet_file_names_nothing_is_refused(bucket: Bucket, kind: Kind) -> None:
    assert refused(bucket, kind=kind, artifact=None) == Reason.UNKNOWN_ARTIFACT
