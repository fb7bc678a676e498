"""The way to other functions: jobs, recoveries and backups to verify to their queues, announcements to the event bus."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from fleetsave.model.errors import QueueError
from fleetsave.model.jobs import Job
from fleetsave.model.keys import BackupKey
from fleetsave.model.recovery_jobs import RecoveryJob

DETAIL_TYPE = "Object Created"
"""The detail type of Amazon S3's own event, which an announcement copies."""

_FIRST_DELAY_SECONDS = 30
_LONGEST_DELAY_SECONDS = 900

_BATCH = 10
"""SQS takes at most ten messages in one call (SendMessageBatch)."""


class Redelivery(Protocol):
    """When a message whose work failed is delivered again."""

    def postpone(self, receipt_handle: str, receive_count: int) -> None:
        """Let a message that failed wait before it is delivered again: 30 s, doubled with each delivery, at most 15 min."""
        ...

    def return_at_once(self, receipt_handle: str) -> None:
        """Let a message that no retry can mend be delivered again at once, so that its queue soon sets it aside for a person."""
        ...


class JobQueue(Redelivery, Protocol):
    """Where jobs wait; one server's jobs run one at a time, in order."""

    def send(self, jobs: Sequence[Job]) -> None:
        """Queue jobs; sending the same job twice within five minutes queues it once. Raise QueueError if one was not taken."""
        ...


class RecoveryQueue(Redelivery, Protocol):
    """Where recoveries wait; those to one server run one at a time, in order."""

    def send(self, job: RecoveryJob) -> None:
        """Queue one job; sending it twice within five minutes queues it once. Raise QueueError if it was not taken."""
        ...


class VerificationQueue(Protocol):
    """Where backups wait for a verdict."""

    def send(self, keys: Sequence[BackupKey], *, force: bool = False) -> None:
        """Ask for a verdict on each backup, with `force` even if it has one. Raise QueueError if one was not taken."""
        ...


class Announcer(Protocol):
    """Tells the verifier that an object has been stored, where the store itself does not."""

    def announce(self, bucket: str, key: str, size: int, etag: str) -> None:
        """Announce one object. Raise QueueError if it was not taken."""
        ...


class _SqsQueue:
    """An SQS FIFO queue; what is to be delivered again is so by its visibility."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def postpone(self, receipt_handle: str, receive_count: int) -> None:
        """Change the message's visibility. Raise QueueError if that fails; the message then waits its queue's whole timeout."""
        seconds = min(_FIRST_DELAY_SECONDS * 2 ** (receive_count - 1), _LONGEST_DELAY_SECONDS)
        self._hide("postpone message", receipt_handle, seconds)

    def return_at_once(self, receipt_handle: str) -> None:
        """Make the message visible. Raise QueueError if that fails; the message then waits its queue's whole timeout."""
        self._hide("return message", receipt_handle, 0)

    def _hide(self, operation: str, receipt_handle: str, seconds: int) -> None:
        try:
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )  # fmt: skip
        except (ClientError, BotoCoreError) as error:
            raise _not_taken(operation, self._url, str(error)) from error


class SqsJobQueue(_SqsQueue):
    """The collect queue: message group = server, deduplication id = digest of the job's identity."""

    def send(self, jobs: Sequence[Job]) -> None:
        """Queue jobs, ten a call. Raise QueueError naming the jobs that were not taken."""
        messages = [
            {
                "MessageBody": job.to_json(),
                "MessageGroupId": job.group,
                "MessageDeduplicationId": hashlib.sha256(job.identity.encode()).hexdigest(),
            }
            for job in jobs
        ]
        _send_batches(self._client, self._url, "send jobs", messages, [job.identity for job in jobs])


class SqsRecoveryQueue(_SqsQueue):
    """The recover queue: message group = the server restored to, deduplication id = digest of the job's identity."""

    def send(self, job: RecoveryJob) -> None:
        """Queue one job. Raise QueueError if it was not taken."""
        try:
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=job.to_json(),
                MessageGroupId=job.recovery_id.server_id,
                MessageDeduplicationId=hashlib.sha256(job.identity.encode()).hexdigest(),
            )
        except (ClientError, BotoCoreError) as error:
            raise _not_taken("send recovery", self._url, str(error)) from error


class SqsVerificationQueue:
    """The verify queue; what is sent twice is judged once, unless it was forced."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, keys: Sequence[BackupKey], *, force: bool = False) -> None:
        """Ask for verdicts, ten a call. Raise QueueError naming the backups that were not taken."""
        messages = [{"MessageBody": json.dumps({"key": key.text, "force": force})} for key in keys]
        _send_batches(self._client, self._url, "ask for verdicts", messages, [key.text for key in keys])


class EventBusAnnouncer:
    """The default EventBridge bus, under an event source of the operator's own (`aws.s3` is Amazon's alone)."""

    def __init__(self, client: Any, source: str) -> None:
        self._client = client
        self._source = source

    def announce(self, bucket: str, key: str, size: int, etag: str) -> None:
        """Put one event of the shape of S3's own "Object Created". Raise QueueError if the bus did not take it."""
        detail = {"version": "0", "bucket": {"name": bucket}, "object": {"key": key, "size": size, "etag": etag}}
        entry = {"Source": self._source, "DetailType": DETAIL_TYPE, "Detail": json.dumps(detail)}
        try:
            reply = self._client.put_events(Entries=[entry])
        except (ClientError, BotoCoreError) as error:
            raise _not_taken("announce", key, str(error)) from error
        if reply.get("FailedEntryCount"):
            raise _not_taken("announce", key, str(reply["Entries"][0].get("ErrorCode")))


class SilentAnnouncer:
    """For stores that tell of new objects themselves."""

    def announce(self, bucket: str, key: str, size: int, etag: str) -> None:
        """Do nothing: the store's own event follows."""


def _send_batches(
    client: Any, url: str, operation: str, messages: Sequence[dict[str, str]], names: Sequence[str]
) -> None:  # fmt: skip
    for start in range(0, len(messages), _BATCH):
        batch = [{"Id": str(at), **message} for at, message in enumerate(messages[start : start + _BATCH], start)]
        try:
            reply = client.send_message_batch(QueueUrl=url, Entries=batch)
        except (ClientError, BotoCoreError) as error:
            raise _not_taken(operation, url, str(error)) from error
        if failed := reply.get("Failed"):
            refused = ", ".join(f"{names[int(entry['Id'])]} ({entry.get('Code')})" for entry in failed)
            raise _not_taken(operation, url, f"not taken: {refused}")


def _not_taken(operation: str, target: str, cause: str) -> QueueError:
    return QueueError(operation, target, cause, "Check the function's permissions and the service's health.", retryable=True)
