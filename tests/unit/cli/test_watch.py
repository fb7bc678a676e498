"""`watch` tells what the watchdog would see, with what to do, and changes nothing."""

from datetime import timedelta

from fleetsave.model.keys import RecordName
from tests.unit.cli.conftest import CommandLine
from tests.unit.cli.test_status import make_safe
from tests.unit.prune.bucket import Bucket, key_of


def kinds(fleetsave: CommandLine) -> set[tuple[str, str | None]]:
    return {(one["kind"], one["artifact"]) for one in fleetsave.document["problems"]}


def test_a_fleet_without_backups_is_told_artifact_by_artifact(fleetsave: CommandLine, bucket: Bucket) -> None:
    before = {info.key for info in bucket.store.list("")}
    assert fleetsave("watch", "--json") == 1
    assert ("too_old", "alpha/database/database") in kinds(fleetsave)
    assert {info.key for info in bucket.store.list("")} == before
    assert fleetsave.queue.jobs == []


def test_a_problem_comes_with_what_to_do(fleetsave: CommandLine, bucket: Bucket) -> None:
    make_safe(bucket)
    bucket.add(key_of(timedelta(minutes=1)), (RecordName.STORED, RecordName.REJECTED))
    assert fleetsave("watch") == 1
    assert "rejected" in fleetsave.out
    assert "fleetsave " in fleetsave.out
    assert "artifacts, at " in fleetsave.out
