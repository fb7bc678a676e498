"""On the stack as on AWS, policies enforced: each role does its function's work and is denied everybody else's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from fleetsave.local.emulator import REGION
from fleetsave.local.stack import Profile
from tests.end_to_end.deployment import Deployment

BACKUP = "servers/server_999/database/server_999_20240101_120000_database.db.zst"
RECORD = f"catalog/{BACKUP}/stored.json"
RECOVERY = "recoveries/server_999.000001/001-requested.json"
STATE = "state/server_999/x.json"
READ_SECRET, RESTORE_SECRET = "fleetsave/ssh/read-server_999", "fleetsave/ssh/restore-server_999"


@dataclass(frozen=True)
class Probe:
    """A role's clients, and what it tries them on."""

    s3: Any
    secrets: Any
    sqs: Any
    bucket: str
    queues: Mapping[str, str]

    def put(self, key: str) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=b"{}")

    def get(self, key: str) -> None:
        self.s3.get_object(Bucket=self.bucket, Key=key)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=key)

    def list(self, prefix: str) -> None:
        self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)

    def read_secret(self, name: str) -> None:
        self.secrets.get_secret_value(SecretId=name)

    def send(self, queue: str) -> None:
        """Send a message that no FIFO queue takes, for want of a group; whether it may be sent is asked before that."""
        with pytest.raises(ClientError) as caught:
            self.sqs.send_message(QueueUrl=self.queues[queue], MessageBody="{}")
        if code_of(caught.value) != "MissingParameter":
            raise caught.value


ACTIONS: dict[str, Callable[[Probe], None]] = {
    "write a backup": lambda probe: probe.put(BACKUP),
    "read a backup": lambda probe: probe.get(BACKUP),
    "list backups": lambda probe: probe.list("servers/server_999/"),
    "delete a backup": lambda probe: probe.delete(BACKUP),
    "write a record": lambda probe: probe.put(RECORD),
    "read a record": lambda probe: probe.get(RECORD),
    "delete a record": lambda probe: probe.delete(RECORD),
    "write a recovery record": lambda probe: probe.put(RECOVERY),
    "read a recovery record": lambda probe: probe.get(RECOVERY),
    "list recoveries": lambda probe: probe.list("recoveries/server_999."),
    "delete a recovery record": lambda probe: probe.delete(RECOVERY),
    "write the fleet file": lambda probe: probe.put("config/fleet.yaml"),
    "write state": lambda probe: probe.put(STATE),
    "read state": lambda probe: probe.get(STATE),
    "delete state": lambda probe: probe.delete(STATE),
    "list everything": lambda probe: probe.list("confidential/"),
    "read the read secret": lambda probe: probe.read_secret(READ_SECRET),
    "read the restore secret": lambda probe: probe.read_secret(RESTORE_SECRET),
    "send a job": lambda probe: probe.send("CollectQueue"),
    "send a recovery": lambda probe: probe.send("RecoverQueue"),
}
LOOK_AT_RECOVERIES = {"read a recovery record", "list recoveries"}
ALLOWED = {
    "DispatchRole": {"send a job"},
    "CollectRole": {
        "write a backup",
        "read a backup",
        "list backups",
        "write a record",
        "read a record",
        "write state",
        "read state",
    }
    | {"read the read secret", "send a job"}
    | LOOK_AT_RECOVERIES,
    "VerifyRole": {"read a backup", "list backups", "write a record", "read a record", "send a job"},
    "PruneRole": {"read a backup", "list backups", "delete a backup", "write a record", "read a record"} | LOOK_AT_RECOVERIES,
    "RecoverRole": {"read a backup", "list backups", "read a record", "write a recovery record", "write state", "read state"}
    | {"read the restore secret", "send a job", "send a recovery"}
    | LOOK_AT_RECOVERIES,
    "ApiRole": {"read a record", "write a recovery record", "read state", "send a recovery"} | LOOK_AT_RECOVERIES,
}


# The external store knows no roles of AWS: its one key is all that can be given (docs/stores.md).
@pytest.mark.parametrize("deployment", [Profile.MINISTACK], indirect=True, ids=str)
@pytest.mark.parametrize("role", list(ALLOWED))
def test_a_role_may_do_its_own_work_and_no_other(deployment: Deployment, role: str) -> None:
    for key in (BACKUP, RECORD, RECOVERY, STATE):
        deployment.store.put(key, b"{}")
    for secret in (READ_SECRET, RESTORE_SECRET):
        deployment.stack.put_secret(secret, "no key")
    probe = assumed(deployment, role)
    done = {name for name, action in ACTIONS.items() if is_allowed(action, probe)}
    for key in (BACKUP, RECORD, RECOVERY, STATE):
        deployment.store.delete(key)
    assert done == ALLOWED[role]


def assumed(deployment: Deployment, role: str) -> Probe:
    stack = deployment.stack
    arn = f"arn:aws:iam::000000000000:role/{stack.physical_name(role)}"
    given = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="probe")["Credentials"]
    session: Any = boto3.session.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], REGION)
    s3, secrets, sqs = (session.client(service, endpoint_url=stack.endpoint) for service in ("s3", "secretsmanager", "sqs"))
    queues = {name: stack.physical_name(name) for name in ("CollectQueue", "RecoverQueue")}
    return Probe(s3, secrets, sqs, stack.outputs["BucketName"], queues)


def is_allowed(action: Callable[[Probe], None], probe: Probe) -> bool:
    try:
        action(probe)
    except ClientError as error:
        if code_of(error) not in {"AccessDenied", "AccessDeniedException"}:
            raise
        return False
    return True


def code_of(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
