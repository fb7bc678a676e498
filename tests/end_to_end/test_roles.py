"""On the stack as on AWS, policies enforced: each role does its function's work and is denied everybody else's."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from fleetsave.local.emulator import REGION
from fleetsave.local.stack import Profile
from tests.end_to_end.deployment import Deployment

BACKUP = "servers/server_999/database/server_999_20240101_120000_database.db.zst"
RECORD = f"catalog/{BACKUP}/stored.json"
ACTIONS: dict[str, Callable[[Any, str], Any]] = {
    "write a backup": lambda s3, bucket: s3.put_object(Bucket=bucket, Key=BACKUP, Body=b"x"),
    "read a backup": lambda s3, bucket: s3.get_object(Bucket=bucket, Key=BACKUP),
    "delete a backup": lambda s3, bucket: s3.delete_object(Bucket=bucket, Key=BACKUP),
    "write a record": lambda s3, bucket: s3.put_object(Bucket=bucket, Key=RECORD, Body=b"{}"),
    "delete a record": lambda s3, bucket: s3.delete_object(Bucket=bucket, Key=RECORD),
    "write the fleet file": lambda s3, bucket: s3.put_object(Bucket=bucket, Key="config/fleet.yaml", Body=b"x"),
    "write state": lambda s3, bucket: s3.put_object(Bucket=bucket, Key="state/server_999/x.json", Body=b"{}"),
}
ALLOWED = {
    "DispatchRole": set[str](),
    "CollectRole": {"write a backup", "read a backup", "write a record", "write state"},
    "VerifyRole": {"read a backup", "write a record"},
    "PruneRole": {"read a backup", "delete a backup", "write a record"},
}


# The external store knows no roles of AWS: its one key is all that can be given (docs/stores.md).
@pytest.mark.parametrize("deployment", [Profile.MINISTACK], indirect=True, ids=str)
@pytest.mark.parametrize("role", list(ALLOWED))
def test_a_role_may_do_its_own_work_and_no_other(deployment: Deployment, role: str) -> None:
    bucket = deployment.stack.outputs["BucketName"]
    deployment.store.put(BACKUP, b"a backup of nothing")
    s3 = assumed(deployment, role)
    done = {name for name, action in ACTIONS.items() if is_allowed(action, s3, bucket)}
    deployment.store.delete(RECORD)
    deployment.store.delete(BACKUP)
    assert done == ALLOWED[role]


def assumed(deployment: Deployment, role: str) -> Any:
    name = deployment.stack.physical_name(role)
    arn = f"arn:aws:iam::000000000000:role/{name}"
    given = deployment.stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="probe")["Credentials"]
    session: Any = boto3.session.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], REGION)
    return session.client("s3", endpoint_url=deployment.stack.endpoint)


def is_allowed(action: Callable[[Any, str], Any], s3: Any, bucket: str) -> bool:
    try:
        action(s3, bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return False
    return True
