"""On the stack as on AWS, policies enforced: each role does its function's work and is denied everybody else's."""

from typing import Any

import boto3
import pytest

from fleetsave.local.emulator import REGION
from fleetsave.local.stack import Profile
from tests.end_to_end.deployment import Deployment
from tests.end_to_end.permissions import ALLOWED, KEPT, READ_SECRET, RESTORE_SECRET, ROLES, Probe, done_by
from tests.end_to_end.permissions_page import PAGE, page, shown


# The external store knows no roles of AWS: its one key is all that can be given (docs/stores.md).
@pytest.mark.parametrize("deployment", [Profile.MINISTACK], indirect=True, ids=str)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_its_own_work_and_no_other(deployment: Deployment, role: str) -> None:
    for key in KEPT:
        deployment.store.put(key, b"{}")
    for secret in (READ_SECRET, RESTORE_SECRET):
        deployment.stack.put_secret(secret, "no key")
    done = done_by(assumed(deployment, role))
    for key in (*KEPT, "config/probe.yaml"):
        deployment.store.delete(key)
    assert done == ALLOWED[role]
    assert done == shown(role)


def test_the_page_of_permissions_is_made_from_the_table() -> None:
    assert PAGE.read_text() == page()
    assert set(ALLOWED) == set(ROLES)


def assumed(deployment: Deployment, role: str) -> Probe:
    stack = deployment.stack
    arn = f"arn:aws:iam::000000000000:role/{stack.physical_name(role)}"
    given = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="probe")["Credentials"]
    session: Any = boto3.session.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], REGION)
    services = ("s3", "secretsmanager", "sqs", "sns", "lambda")
    named = ("CollectQueue", "VerifyQueue", "RecoverQueue", "PruneQueue", "Alerts", "RecoverFunction")
    return Probe(
        {service: session.client(service, endpoint_url=stack.endpoint) for service in services},
        stack.outputs["BucketName"],
        {name: stack.physical_name(name) for name in named},
    )
