"""Prune shows before it deletes, and deletes only what somebody agreed to."""

from io import StringIO

import pytest

from fleetsave.model.errors import StoreError
from fleetsave.model.keys import RecordName
from tests.unit.cli.conftest import CommandLine
from tests.unit.prune.bucket import NOW, Bucket


def test_it_is_dry_unless_told_otherwise(fleetsave: CommandLine, bucket: Bucket) -> None:
    young, old = bucket.add_ages(1, 40)
    assert fleetsave("prune") == 0
    assert bucket.data() == {young.text, old.text}
    assert "would delete" in fleetsave.out
    assert "older than 30 d" in fleetsave.out
    assert "nothing was changed" in fleetsave.out


def test_it_can_look_ahead(fleetsave: CommandLine, bucket: Bucket) -> None:
    _, old = bucket.add_ages(1, 10)
    assert fleetsave("prune", "--as-of", "2026-07-16T12:30:00Z", "--json") == 0
    assert [one["key"] for one in fleetsave.document["lines"] if one["outcome"] == "would_delete"] == [old.text]
    assert fleetsave("prune", "--as-of", "2026-07-16", "--json") == 0
    assert fleetsave("prune", "--as-of", "next month") == 2


def test_it_never_deletes_as_of_another_time(fleetsave: CommandLine, bucket: Bucket) -> None:
    bucket.add_ages(1, 40)
    assert fleetsave("prune", "--as-of", "2026-07-16T12:30:00Z", "--execute", "--yes") == 4
    assert len(bucket.data()) == 2


@pytest.mark.parametrize(("answer", "left", "code"), [("y\n", 1, 0), ("n\n", 2, 4), ("\n", 2, 4), ("", 2, 4)])
def test_deleting_asks_first(
    fleetsave: CommandLine, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, answer: str, left: int, code: int
) -> None:
    bucket.add_ages(1, 40)
    monkeypatch.setattr("sys.stdin", StringIO(answer))
    assert fleetsave("prune", "--execute") == code
    assert len(bucket.data()) == left
    assert "Delete 1 backups?" in fleetsave.err


def test_with_yes_it_deletes_and_tells_what(fleetsave: CommandLine, bucket: Bucket) -> None:
    young, old = bucket.add_ages(1, 40)
    assert fleetsave("prune", "--execute", "--yes", "--json") == 0
    assert fleetsave.document["backups"]["deleted"] == 1
    assert bucket.data() == {young.text}
    assert bucket.catalog.has(old, RecordName.PRUNED)


def test_machines_are_not_asked_they_are_refused(fleetsave: CommandLine, bucket: Bucket) -> None:
    bucket.add_ages(1, 40)
    assert fleetsave("prune", "--execute", "--json") == 4
    assert fleetsave.document["error"] == "NotConfirmedError"
    assert len(bucket.data()) == 2


def test_one_server_can_be_chosen(fleetsave: CommandLine, bucket: Bucket) -> None:
    bucket.add_ages(1, 40)
    bucket.add_ages(1, 40, server_id="beta")
    assert fleetsave("prune", "--server", "beta", "--execute", "--yes", "--json") == 0
    assert {one["artifact"] for one in fleetsave.document["lines"]} == {"beta/database/database"}
    assert len(bucket.data()) == 3


def test_it_does_not_delete_by_a_default_the_deployment_may_not_share(fleetsave: CommandLine, bucket: Bucket) -> None:
    fleetsave.has_own_retention = False
    bucket.add_ages(1, 40)
    assert fleetsave("prune") == 0
    assert fleetsave("prune", "--execute", "--yes") == 4
    assert "defaults.retention.keep_for" in fleetsave.err
    assert fleetsave("prune", "--execute", "--yes", "--keep-for", "90d") == 0
    assert len(bucket.data()) == 2
    assert fleetsave("prune", "--execute", "--yes", "--keep-for", "20d") == 0
    assert len(bucket.data()) == 1


def test_a_clock_that_differs_is_a_refusal(fleetsave: CommandLine, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.add_ages(1, 40)
    monkeypatch.setattr("tests.unit.cli.conftest.ConnectionAtNow.now", lambda _: NOW.replace(year=2036))
    assert fleetsave("prune", "--execute", "--yes") == 4
    assert len(bucket.data()) == 2


def test_a_deletion_that_failed_is_code_6(fleetsave: CommandLine, bucket: Bucket) -> None:
    bucket.add_ages(1, 40)
    bucket.store.fail("delete", StoreError("delete", "key", "SlowDown", "Wait.", retryable=True))
    assert fleetsave("prune", "--execute", "--yes") == 6
    assert "failed: alpha/database/database: SlowDown" in fleetsave.out
