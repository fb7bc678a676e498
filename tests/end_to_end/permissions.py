"""Which function may do what, as a table that is tried out on the stack: `test_roles.py` does, docs/permissions.md shows it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

BACKUP = "servers/server_999/database/server_999_20240101_120000_database.db.zst"
RECORD, VERDICT, PRUNED = (f"catalog/{BACKUP}/{name}.json" for name in ("stored", "verified", "pruned"))
ASKED, CANCELLING, DONE = (
    f"recoveries/server_999.000001/{name}.json" for name in ("001-requested", "002-cancel_requested", "003-recovered")
)
ANSWER = f"recoveries/idempotency/{'0' * 64}.json"
CAPTURING, RECOVERING = "state/server_999/database/database.json", "state/server_999/recovery.json"
WATCHING = ("state/watchdog.json", "state/watchdog/report.json", "state/watchdog/notices.json")
KEPT = (BACKUP, RECORD, VERDICT, PRUNED, ASKED, CANCELLING, DONE, ANSWER, CAPTURING, RECOVERING, *WATCHING)
READ_SECRET, RESTORE_SECRET = "fleetsave/ssh/read-server_999", "fleetsave/ssh/restore-server_999"
NOTICE_SECRET = "fleetsave/notices"

ROLES = ("DispatchRole", "CollectRole", "VerifyRole", "PruneRole", "RecoverRole", "WatchdogRole", "ApiRole")

_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}
_GRANTED = {
    "PreconditionFailed",
    "NoSuchUpload",
    "NoSuchVersion",
    "MissingParameter",
    "InvalidParameterValue",
    "InvalidParameter",
}
"""What a store or queue says of a request it would have followed, had it not been made so that it does no harm."""


@dataclass(frozen=True)
class Probe:
    """A role's clients by the name of their service, and what it tries them on."""

    clients: Mapping[str, Any]
    bucket: str
    names: Mapping[str, str]

    def s3(self, operation: str, key: str, **more: Any) -> None:
        self._ask("s3", operation, Bucket=self.bucket, Key=key, **more)

    def on_bucket(self, operation: str, **more: Any) -> None:
        self._ask("s3", operation, Bucket=self.bucket, **more)

    def make(self, key: str) -> None:
        """Ask to write an object that is there already: refused for that alone, where writing is allowed."""
        self.s3("put_object", key, Body=b"{}", IfNoneMatch="*")

    def read_secret(self, name: str) -> None:
        self._ask("secretsmanager", "get_secret_value", SecretId=name)

    def send(self, queue: str) -> None:
        """Send a message that no queue takes: a FIFO queue for want of a group, another for the length of its delay."""
        self._ask("sqs", "send_message", QueueUrl=self.names[queue], MessageBody="{}", DelaySeconds=100_000)

    def publish(self) -> None:
        self._ask("sns", "publish", TopicArn=self.names["Alerts"], Message="a probe")

    def look_at_database(self) -> None:
        self._ask("lambda", "invoke", FunctionName=self.names["RecoverFunction"], InvocationType="DryRun", Payload=b"{}")

    def _ask(self, service: str, operation: str, **parameters: Any) -> None:
        try:
            getattr(self.clients[service], operation)(**parameters)
        except ClientError as error:
            if str(error.response["Error"]["Code"]) not in _GRANTED:
                raise


ACTIONS: dict[str, Callable[[Probe], None]] = {
    "read the fleet file": lambda probe: probe.s3("get_object", "config/fleet.yaml"),
    "write the fleet file": lambda probe: probe.s3("put_object", "config/probe.yaml", Body=b"{}"),
    "list backups": lambda probe: probe.on_bucket("list_objects_v2", Prefix="servers/server_999/"),
    "read a backup": lambda probe: probe.s3("get_object", BACKUP),
    "write a backup": lambda probe: probe.make(BACKUP),
    "replace a backup": lambda probe: probe.s3("put_object", BACKUP, Body=b"{}"),
    "delete a backup": lambda probe: probe.s3("delete_object", BACKUP),
    "destroy a version": lambda probe: probe.s3("delete_object", BACKUP, VersionId="a-version"),
    "list open uploads": lambda probe: probe.on_bucket("list_multipart_uploads", Prefix="servers/server_999/"),
    "abort an upload": lambda probe: probe.s3("abort_multipart_upload", BACKUP, UploadId="no-upload"),
    "read a record": lambda probe: probe.s3("get_object", RECORD),
    "write that a backup is stored": lambda probe: probe.make(RECORD),
    "write a verdict": lambda probe: probe.make(VERDICT),
    "write that a backup is pruned": lambda probe: probe.make(PRUNED),
    "replace a record": lambda probe: probe.s3("put_object", RECORD, Body=b"{}"),
    "delete a record": lambda probe: probe.s3("delete_object", RECORD),
    "list recoveries": lambda probe: probe.on_bucket("list_objects_v2", Prefix="recoveries/server_999."),
    "read a recovery's record": lambda probe: probe.s3("get_object", DONE),
    "write that a recovery is asked for": lambda probe: probe.make(ASKED),
    "write that a recovery is to be cancelled": lambda probe: probe.make(CANCELLING),
    "write which request began a recovery": lambda probe: probe.make(ANSWER),
    "write that a recovery is done": lambda probe: probe.make(DONE),
    "delete a recovery's record": lambda probe: probe.s3("delete_object", DONE),
    "read the state of a capture": lambda probe: probe.s3("get_object", CAPTURING),
    "write the state of a capture": lambda probe: probe.s3("put_object", CAPTURING, Body=b"{}"),
    "read the state of a recovery": lambda probe: probe.s3("get_object", RECOVERING),
    "write the state of a recovery": lambda probe: probe.s3("put_object", RECOVERING, Body=b"{}"),
    "write the watchdog's memory": lambda probe: probe.s3("put_object", WATCHING[0], Body=b"{}"),
    "write the watchdog's report": lambda probe: probe.s3("put_object", WATCHING[1], Body=b"{}"),
    "write what people were told": lambda probe: probe.s3("put_object", WATCHING[2], Body=b"{}"),
    "delete state": lambda probe: probe.s3("delete_object", CAPTURING),
    "list under another prefix": lambda probe: probe.on_bucket("list_objects_v2", Prefix="confidential/"),
    "list all names, without a prefix": lambda probe: probe.on_bucket("list_objects_v2"),
    "change the bucket's policy": lambda probe: probe.on_bucket("delete_bucket_policy"),
    "change what the bucket expires": lambda probe: probe.on_bucket("delete_bucket_lifecycle"),
    "read a server's key for reading": lambda probe: probe.read_secret(READ_SECRET),
    "read a server's key for restoring": lambda probe: probe.read_secret(RESTORE_SECRET),
    "read the secret of notices": lambda probe: probe.read_secret(NOTICE_SECRET),
    "send a job to collect": lambda probe: probe.send("CollectQueue"),
    "send a backup to verify": lambda probe: probe.send("VerifyQueue"),
    "send a recovery": lambda probe: probe.send("RecoverQueue"),
    "send a prune run": lambda probe: probe.send("PruneQueue"),
    "publish an alert": lambda probe: probe.publish(),
    "have a database looked at": lambda probe: probe.look_at_database(),
}
_EVERYONE = {"list all names, without a prefix"}
_LOOK_AT_RECOVERIES = {"read a recovery's record", "list recoveries"}
_READ_BACKUPS = {"read a backup", "list backups", "read a record"}
ALLOWED: dict[str, set[str]] = {
    "DispatchRole": {"read the fleet file", "send a job to collect"} | _EVERYONE,
    "CollectRole": {
        "read the fleet file",
        "write a backup",
        "write that a backup is stored",
        "list open uploads",
        "abort an upload",
    }
    | {"read the state of a capture", "write the state of a capture", "read the state of a recovery"}
    | {"read a server's key for reading", "send a job to collect"}
    | _EVERYONE
    | _READ_BACKUPS
    | _LOOK_AT_RECOVERIES,
    "VerifyRole": {"write a verdict", "send a job to collect"} | _EVERYONE | _READ_BACKUPS,
    "PruneRole": {"read the fleet file", "write that a backup is pruned", "delete a backup"}
    | _EVERYONE
    | _READ_BACKUPS
    | _LOOK_AT_RECOVERIES,
    "RecoverRole": {"read the fleet file", "write that a recovery is done", "write which request began a recovery"}
    | {"read the state of a capture", "read the state of a recovery", "write the state of a recovery"}
    | {"read a server's key for restoring", "send a job to collect", "send a recovery"}
    | _EVERYONE
    | _READ_BACKUPS
    | _LOOK_AT_RECOVERIES,
    "WatchdogRole": {"read the fleet file", "read the state of a capture", "read the state of a recovery"}
    | {"list open uploads", "abort an upload"}
    | {"write the watchdog's memory", "write the watchdog's report", "write what people were told"}
    | {"read the secret of notices", "send a job to collect", "send a backup to verify", "publish an alert"}
    | _EVERYONE
    | _READ_BACKUPS
    | _LOOK_AT_RECOVERIES,
    "ApiRole": {"read the fleet file", "read a record", "send a recovery", "have a database looked at"}
    | {"read the state of a capture", "read the state of a recovery"}
    | {"write that a recovery is asked for", "write that a recovery is to be cancelled", "write which request began a recovery"}
    | _EVERYONE
    | _LOOK_AT_RECOVERIES,
}


def done_by(probe: Probe, actions: Iterable[str] = ACTIONS) -> set[str]:
    """Try everything, and return what was not denied."""
    return {name for name in actions if _is_allowed(ACTIONS[name], probe)}


def _is_allowed(action: Callable[[Probe], None], probe: Probe) -> bool:
    try:
        action(probe)
    except ClientError as error:
        if str(error.response["Error"]["Code"]) not in _DENIED:
            raise
        return False
    return True
