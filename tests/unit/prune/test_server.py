"""What goes wrong at one server stays there, and what was pruned long ago is not looked at again."""

import pytest

from fleetsave.model.errors import FleetsaveError, PruneRefusedError
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.retention import Rule
from fleetsave.prune.report import Outcome
from tests.fakes.memory_store import MemoryStore
from tests.unit.prune.bucket import DAY, NOW, VERIFIED, Bucket, CutListing, key_of
from tests.unit.prune.runs import line, run


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def test_a_server_whose_records_are_not_understood_is_told_of_and_the_others_are_pruned(bucket: Bucket) -> None:
    _, mine = bucket.add_ages(1, 40)
    _, others = bucket.add_ages(1, 40, server_id="beta")
    bucket.store.put("catalog/servers/alpha/database/notes.txt", b"by hand")
    report = run(bucket)
    assert bucket.data() >= {mine.text}
    assert line(report, others).outcome is Outcome.DELETED
    assert [failed["artifact"] for failed in report.failures] == ["alpha"]
    with pytest.raises(FleetsaveError, match="alpha: it is not the key of a record"):
        report.require_complete()


def test_a_clock_that_is_set_during_a_run_stops_it(bucket: Bucket) -> None:
    for server_id in ("alpha", "beta"):
        bucket.add_ages(1, 40, server_id=server_id)

    class Jumping(MemoryStore):
        def list(self, prefix: str, *, start_after: str | None = None):  # type: ignore[no-untyped-def]  # as the store's
            if prefix == "recoveries/":
                bucket.clock.now = NOW + 300 * DAY
            return super().list(prefix, start_after=start_after)

    jumping = Jumping()
    jumping.__dict__.update(bucket.store.__dict__)
    report = run(bucket, store=jumping)
    assert (report.deleted, report.decided) == (0, 0)
    assert {failed["error"] for failed in report.failures} == {PruneRefusedError.__name__}


def test_records_of_what_was_pruned_long_ago_are_passed_over(bucket: Bucket) -> None:
    bucket.add_ages(1, 40)
    bucket.store.put(f"catalog/{key_of(400 * DAY).text}/notes.txt", b"an obstacle to whoever lists it")
    report = run(bucket)
    assert (report.deleted, report.failures) == (1, [])


def test_however_old_data_is_its_records_are_looked_at(bucket: Bucket) -> None:
    bucket.add_ages(1)
    pinned = bucket.add(key_of(2000 * DAY), (*VERIFIED, RecordName.PINNED))
    due = bucket.add(key_of(1999 * DAY))
    report = run(bucket)
    assert line(report, pinned).rule is Rule.PINNED
    assert line(report, due).outcome is Outcome.DELETED


def test_data_that_is_lost_is_told_of_as_long_as_it_should_be_there(bucket: Bucket) -> None:
    lost = bucket.add(key_of(20 * DAY), data=False)
    assert [one.key for one in run(bucket).irregularities] == [lost.text]


# --- listings whose beginning is cut off ---------------------------------------------------------------------------------


def cut_before(bucket: Bucket, first: BackupKey) -> CutListing:
    """Return the store without the data that is older than `first`."""
    return CutListing(bucket.store, lambda key: key.startswith("servers/alpha/") and key < first.text)


@pytest.mark.parametrize("oldest_listed", [31, 33, 38])
def test_data_cut_off_at_the_front_holds_the_artifact(bucket: Bucket, oldest_listed: int) -> None:
    keys = bucket.add_ages(1, *range(30, 41))
    report = run(bucket, store=cut_before(bucket, key_of(oldest_listed * DAY)))
    assert report.deleted == 0
    assert report.refused_artifacts == ["alpha/database/database"]
    assert {key.text for key in keys} <= bucket.data()


def test_without_any_data_listed_nothing_goes_and_everything_is_told_of(bucket: Bucket) -> None:
    keys = bucket.add_ages(1, 5, 40)
    report = run(bucket, store=CutListing(bucket.store, lambda key: key.startswith("servers/")))
    assert report.deleted == 0
    assert {one.key for one in report.irregularities} == {key.text for key in keys[:2]}
