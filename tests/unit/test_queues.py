"""Jobs and announcements reach AWS's own queue and bus in the form their readers expect."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from fleetsave.model.errors import QueueError
from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId, BackupKey
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.recovery_jobs import Cause, RecoveryJob
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.slots import Slot
from fleetsave.queues import EventBusAnnouncer, SqsJobQueue, SqsRecoveryQueue, SqsVerificationQueue
from fleetsave.verify.event import Request, parse_event

SLOT = Slot(datetime(2024, 1, 1, 12, tzinfo=UTC))


def job(server_id: str, number: int = 0) -> Job:
    return Job(ArtifactId(server_id, Kind.DATABASE, f"database-{number}"), SLOT)


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        yield boto3.client("sqs")


@pytest.fixture
def url(sqs: Any) -> str:
    return str(sqs.create_queue(QueueName="collect.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"])


def receive(sqs: Any, url: str) -> list[dict[str, Any]]:
    reply = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])
    return list(reply.get("Messages", []))


def test_a_job_comes_out_as_it_went_in_grouped_by_its_server(sqs: Any, url: str) -> None:
    SqsJobQueue(sqs, url).send([job("alpha")])
    (message,) = receive(sqs, url)
    assert Job.from_json(message["Body"]) == job("alpha")
    assert message["Attributes"]["MessageGroupId"] == "alpha"


def test_the_same_job_sent_twice_waits_once(sqs: Any, url: str) -> None:
    queue = SqsJobQueue(sqs, url)
    queue.send([job("alpha")])
    queue.send([job("alpha")])
    assert len(receive(sqs, url)) == 1


def test_more_than_ten_jobs_are_all_taken(sqs: Any, url: str) -> None:
    SqsJobQueue(sqs, url).send([job(f"server-{number}") for number in range(23)])
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "23"


def test_a_queue_that_is_not_there_is_a_queue_error(sqs: Any) -> None:
    with pytest.raises(QueueError, match="send jobs"):
        SqsJobQueue(sqs, "https://sqs.eu-central-1.amazonaws.com/123456789012/gone.fifo").send([job("alpha")])


class Refusing:
    """A client whose service takes the call and refuses the entry, as both batch calls may."""

    def send_message_batch(self, **_: object) -> dict[str, Any]:
        return {"Failed": [{"Id": "0", "Code": "InternalError"}]}

    def put_events(self, **_: object) -> dict[str, Any]:
        return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]}


def test_an_entry_that_was_not_taken_is_named() -> None:
    with pytest.raises(QueueError, match=r"alpha/database/database-0/20240101_120000/0 \(InternalError\)"):
        SqsJobQueue(Refusing(), "url").send([job("alpha")])
    with pytest.raises(QueueError, match="ThrottlingException"):
        EventBusAnnouncer(Refusing(), "fleetsave.store").announce("bucket", "key", 1, "etag")


class Hiding:
    """A client that keeps for how long messages were hidden."""

    def __init__(self) -> None:
        self.timeouts: list[int] = []

    def change_message_visibility(self, **given: Any) -> None:
        self.timeouts.append(given["VisibilityTimeout"])


def test_a_failed_message_waits_longer_each_time_up_to_a_quarter_of_an_hour() -> None:
    client = Hiding()
    queue = SqsJobQueue(client, "url")
    for receive_count in (1, 2, 3, 9):
        queue.postpone("handle", receive_count)
    assert client.timeouts == [30, 60, 120, 900]


def test_a_message_that_no_retry_can_mend_is_delivered_again_at_once(sqs: Any, url: str) -> None:
    SqsJobQueue(sqs, url).send([job("alpha")])
    (message,) = receive(sqs, url)
    assert receive(sqs, url) == []
    SqsJobQueue(sqs, url).return_at_once(message["ReceiptHandle"])
    assert [again["Body"] for again in receive(sqs, url)] == [message["Body"]]


def test_a_message_that_cannot_be_returned_is_a_queue_error(sqs: Any, url: str) -> None:
    with pytest.raises(QueueError, match="return message"):
        SqsJobQueue(sqs, url).return_at_once("no receipt")


def test_an_announcement_has_the_shape_of_s3s_own_event() -> None:
    class Bus:
        def __init__(self) -> None:
            self.entries: list[dict[str, str]] = []

        def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
            self.entries += Entries
            return {"FailedEntryCount": 0}

    bus = Bus()
    EventBusAnnouncer(bus, "fleetsave.store").announce("bucket", "servers/a/key.db", 7, "abc")
    (entry,) = bus.entries
    assert (entry["Source"], entry["DetailType"]) == ("fleetsave.store", "Object Created")
    assert json.loads(entry["Detail"])["object"] == {"key": "servers/a/key.db", "size": 7, "etag": "abc"}


def test_a_recoverys_own_backup_is_not_in_the_group_of_the_jobs_it_holds_up(sqs: Any, url: str) -> None:
    safety = Job(job("alpha").artifact_id.safety, SLOT, "/srv/game.db")
    SqsJobQueue(sqs, url).send([job("alpha"), safety])
    groups = {Job.from_json(one["Body"]): one["Attributes"]["MessageGroupId"] for one in receive(sqs, url)}
    assert groups == {job("alpha"): "alpha", safety: "alpha/safety"}


# --- recoveries ---------------------------------------------------------------------------------------------------------

RECOVERY = RecoveryJob(RecoveryId("alpha", 17))


def test_a_recovery_comes_out_as_it_went_in_grouped_by_the_server_restored_to(sqs: Any, url: str) -> None:
    SqsRecoveryQueue(sqs, url).send(RECOVERY)
    (message,) = receive(sqs, url)
    assert RecoveryJob.from_json(message["Body"]) == RECOVERY
    assert message["Attributes"]["MessageGroupId"] == "alpha"


def test_the_same_recovery_sent_twice_waits_once_and_its_continuation_beside_it(sqs: Any, url: str) -> None:
    queue = SqsRecoveryQueue(sqs, url)
    for cause, hop in ((Cause.REQUESTED, 0), (Cause.REQUESTED, 0), (Cause.CONTINUED, 1), (Cause.CANCELLED, 0)):
        queue.send(RecoveryJob(RECOVERY.recovery_id, cause, hop))
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "3"


def test_one_servers_recoveries_wait_for_one_another_and_not_for_other_servers(sqs: Any, url: str) -> None:
    queue = SqsRecoveryQueue(sqs, url)
    for recovery_id in (RecoveryId("alpha", 1), RecoveryId("beta", 1)):
        queue.send(RecoveryJob(recovery_id))
        queue.send(RecoveryJob(recovery_id, Cause.CONTINUED, 1))
    first = {one["Attributes"]["MessageGroupId"] for one in receive(sqs, url)}
    assert first == {"alpha", "beta"}
    assert receive(sqs, url) == []


def test_a_recovery_that_was_not_taken_is_a_queue_error_that_may_pass(sqs: Any) -> None:
    with pytest.raises(QueueError, match="send recovery") as caught:
        SqsRecoveryQueue(sqs, "https://sqs.eu-central-1.amazonaws.com/123456789012/gone.fifo").send(RECOVERY)
    assert caught.value.retryable


def test_a_recovery_that_failed_waits_longer_each_time(sqs: Any, url: str) -> None:
    client = Hiding()
    SqsRecoveryQueue(client, "url").postpone("handle", 2)
    assert client.timeouts == [60]
    SqsRecoveryQueue(sqs, url).send(RECOVERY)
    (message,) = receive(sqs, url)
    SqsRecoveryQueue(sqs, url).return_at_once(message["ReceiptHandle"])
    assert [again["Body"] for again in receive(sqs, url)] == [message["Body"]]


@pytest.mark.parametrize("force", [False, True])
def test_a_wish_for_a_verdict_is_what_verify_reads(sqs: Any, force: bool) -> None:
    url = str(sqs.create_queue(QueueName="verify")["QueueUrl"])
    keys = [BackupKey(ArtifactId("server_001", Kind.DATABASE, f"game-{n}"), SLOT, Compression.ZSTD) for n in range(12)]
    SqsVerificationQueue(sqs, url).send(keys, force=force)
    bodies = [message["Body"] for _ in range(2) for message in receive(sqs, url)]
    assert {parse_event(body, "fleet-backups") for body in bodies} == {Request(key, force=force) for key in keys}


def test_a_backup_that_the_verify_queue_does_not_take_is_named(sqs: Any) -> None:
    key = BackupKey(ArtifactId("server_001", Kind.DATABASE, "game"), SLOT, Compression.ZSTD)
    with pytest.raises(QueueError, match="ask for verdicts"):
        SqsVerificationQueue(sqs, "https://sqs.eu-central-1.amazonaws.com/123456789012/nowhere").send([key])
