"""Each role may do what the table says, and nothing else; only prune may delete."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from fleetsave.model.kinds import Kind
from fleetsave.notices.told import TOLD_KEY
from fleetsave.watchdog.memory import MEMORY_KEY, REPORT_KEY
from tests.packaging.deployments import EXTERNAL, OWN, Deployment

Permission = tuple[str, str]
SECRET = "arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:"
BUS = "arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/default"
FUNCTIONS = ("Dispatch", "Collect", "Verify", "Prune", "Recover", "Watchdog", "Api")


def allowed(actions: str, *resources: str) -> set[Permission]:
    return {(action, resource) for action in actions.split() for resource in resources}


def under(*prefixes: str) -> list[str]:
    return [f"<Bucket.Arn>/{prefix}/*" for prefix in prefixes]


def records(*names: str) -> list[str]:
    """Return the records of those names: who captures gives no verdicts, and who judges says nothing of captures."""
    return [f"<Bucket.Arn>/catalog/*/{name}.json" for name in names]


def logs(function: str) -> set[Permission]:
    return allowed("logs:CreateLogStream logs:PutLogEvents", f"{function}Logs.Arn")


def runtime(function: str) -> set[Permission]:
    return logs(function) | allowed("sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes", f"{function}Queue.Arn")


SEND_JOBS = allowed("sqs:SendMessage", "CollectQueue.Arn")
SEND_RECOVERIES = allowed("sqs:SendMessage", "RecoverQueue.Arn")

EVERYWHERE: dict[str, set[Permission]] = {
    "DispatchRole": runtime("Dispatch") | SEND_JOBS,
    "CollectRole": runtime("Collect")
    | SEND_JOBS
    | allowed("sqs:ChangeMessageVisibility", "CollectQueue.Arn")
    | allowed(
        "secretsmanager:GetSecretValue",
        f"{SECRET}fleetsave/ssh/read-*",
        f"{SECRET}fleetsave/https/read-*",
        f"{SECRET}fleetsave/postgresql/read-*",
    ),
    "VerifyRole": runtime("Verify") | SEND_JOBS,
    "PruneRole": runtime("Prune"),
    "RecoverRole": runtime("Recover")
    | SEND_JOBS
    | SEND_RECOVERIES
    | allowed("sqs:ChangeMessageVisibility", "RecoverQueue.Arn")
    | allowed(
        "secretsmanager:GetSecretValue",
        f"{SECRET}fleetsave/ssh/restore-*",
        f"{SECRET}fleetsave/https/restore-*",
        f"{SECRET}fleetsave/postgresql/restore-*",
    ),
    "WatchdogRole": runtime("Watchdog")
    | SEND_JOBS
    | allowed("sqs:SendMessage", "VerifyQueue.Arn")
    | allowed("sns:Publish", "Alerts"),
    "ApiRole": logs("Api") | SEND_RECOVERIES | allowed("lambda:InvokeFunction", "RecoverFunction.Arn"),
    "ScheduleRole": allowed("sqs:SendMessage", "DispatchQueue.Arn", "PruneQueue.Arn", "WatchdogQueue.Arn", "ScheduleDlq.Arn"),
}

ON_OWN_BUCKET: dict[str, set[Permission]] = {
    "DispatchRole": allowed("s3:GetObject", *under("config")) | allowed("s3:ListBucket", "Bucket.Arn"),
    "CollectRole": allowed("s3:GetObject", *under("config", "servers", "central", "catalog", "state", "recoveries"))
    | allowed("s3:PutObject", *under("servers", "central", *(f"state/*/{kind}" for kind in Kind)), *records("stored"))
    | allowed("s3:AbortMultipartUpload s3:ListMultipartUploadParts", *under("servers", "central"))
    | allowed("s3:ListBucket s3:ListBucketMultipartUploads", "Bucket.Arn"),
    "VerifyRole": allowed("s3:GetObject", *under("servers", "central", "catalog"))
    | allowed("s3:PutObject", *records("verified", "suspect", "inconclusive", "rejected"))
    | allowed("s3:ListBucket", "Bucket.Arn"),
    "PruneRole": allowed("s3:GetObject", *under("config", "servers", "central", "catalog", "recoveries"))
    | allowed("s3:PutObject", *records("pruned"))
    | allowed("s3:DeleteObject", *under("servers", "central"))
    | allowed("s3:ListBucket", "Bucket.Arn"),
    "RecoverRole": allowed("s3:GetObject", *under("config", "servers", "central", "catalog", "recoveries", "state"))
    | allowed("s3:PutObject", "<Bucket.Arn>/recoveries/*.*/*.json", *under("recoveries/idempotency"))
    | allowed("s3:PutObject", "<Bucket.Arn>/state/*/recovery.json")
    | allowed("s3:ListBucket", "Bucket.Arn"),
    "WatchdogRole": allowed("s3:GetObject", *under("config", "servers", "central", "catalog", "recoveries", "state"))
    | allowed("s3:PutObject", *(f"<Bucket.Arn>/{key}" for key in (MEMORY_KEY, REPORT_KEY, TOLD_KEY)))
    | allowed("s3:AbortMultipartUpload", *under("servers", "central"))
    | allowed("s3:ListBucket s3:ListBucketMultipartUploads", "Bucket.Arn"),
    "ApiRole": allowed("s3:GetObject", *under("config", "catalog", "recoveries", "state"))
    | allowed("s3:GetObject", "<Bucket.Arn>/servers/*.manifest.jsonl.zst")
    | allowed("s3:PutObject", "<Bucket.Arn>/recoveries/*requested.json", "<Bucket.Arn>/recoveries/*-failed.json")
    | allowed("s3:PutObject", *under("recoveries/idempotency", "recoveries/claims"))
    | allowed("s3:ListBucket", "Bucket.Arn"),
    "ScheduleRole": set(),
}

READ_STORE_KEY = allowed("secretsmanager:GetSecretValue", f"{SECRET}fleetsave/store-??????")
ON_EXTERNAL_STORE: dict[str, set[Permission]] = {
    "DispatchRole": READ_STORE_KEY,
    "CollectRole": READ_STORE_KEY | allowed("events:PutEvents", BUS),
    "VerifyRole": READ_STORE_KEY,
    "PruneRole": READ_STORE_KEY,
    "RecoverRole": READ_STORE_KEY,
    "WatchdogRole": READ_STORE_KEY,
    "ApiRole": READ_STORE_KEY,
    "ScheduleRole": set(),
}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(deployment: Deployment, role: str) -> Iterator[dict[str, Any]]:
    properties = deployment.of_type("AWS::IAM::Role")[role]
    assert "ManagedPolicyArns" not in properties
    for policy in properties["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def permissions(deployment: Deployment, role: str, effect: str = "Allow") -> set[Permission]:
    found: set[Permission] = set()
    for statement in statements(deployment, role):
        assert not statement.keys() & {"NotAction", "NotResource"}
        if statement["Effect"] == effect:
            found |= {
                (action, resource) for action in as_list(statement["Action"]) for resource in as_list(statement["Resource"])
            }
    return found


@pytest.mark.parametrize("role", EVERYWHERE)
@pytest.mark.parametrize(
    ("deployment", "table"),
    [pytest.param(OWN, ON_OWN_BUCKET, id="own-bucket"), pytest.param(EXTERNAL, ON_EXTERNAL_STORE, id="external-store")],
)
def test_a_role_may_do_what_its_function_needs_and_nothing_else(
    deployment: Deployment, table: dict[str, set[Permission]], role: str
) -> None:
    assert permissions(deployment, role) == EVERYWHERE[role] | table[role]


@pytest.mark.parametrize("deployment", [OWN, EXTERNAL], ids=["own-bucket", "external-store"])
def test_every_role_of_the_template_stands_in_the_table(deployment: Deployment) -> None:
    assert set(deployment.of_type("AWS::IAM::Role")) == set(EVERYWHERE)


def test_who_asked_for_a_recovery_is_the_apis_alone_to_say() -> None:
    refused = {role: permissions(OWN, role, "Deny") for role in EVERYWHERE}
    assert refused.pop("RecoverRole") == allowed("s3:PutObject", "<Bucket.Arn>/recoveries/*requested.json")
    assert not any(refused.values())


@pytest.mark.parametrize("role", EVERYWHERE)
def test_no_function_but_the_watchdog_may_write_what_it_remembers_or_reports(role: str) -> None:
    written = [resource for action, resource in permissions(OWN, role) if action == "s3:PutObject"]
    matched = {
        key for key in (MEMORY_KEY, REPORT_KEY, TOLD_KEY) if any(fnmatchcase(f"<Bucket.Arn>/{key}", one) for one in written)
    }
    assert matched == ({MEMORY_KEY, REPORT_KEY, TOLD_KEY} if role == "WatchdogRole" else set())


def test_only_prune_may_delete_and_nobody_may_destroy_a_version_or_lift_a_lock() -> None:
    forbidden = {
        "s3:DeleteObjectVersion",
        "s3:BypassGovernanceRetention",
        "s3:PutObjectRetention",
        "s3:PutLifecycleConfiguration",
    }
    for role in EVERYWHERE:
        actions = {action for action, _ in permissions(OWN, role)}
        assert not actions & forbidden
        assert not {action for action in actions if "*" in action}
        assert ("s3:DeleteObject" in actions) == (role == "PruneRole")


def test_the_key_that_restores_is_recovers_alone_and_the_api_reads_no_key_of_a_server() -> None:
    readers = {
        role: {resource for action, resource in EVERYWHERE[role] if action == "secretsmanager:GetSecretValue"}
        for role in EVERYWHERE
    }
    assert {role for role, secrets in readers.items() if f"{SECRET}fleetsave/ssh/restore-*" in secrets} == {"RecoverRole"}
    assert {role for role, secrets in readers.items() if f"{SECRET}fleetsave/ssh/read-*" in secrets} == {"CollectRole"}
    for use, role in (("restore", "RecoverRole"), ("read", "CollectRole")):
        assert {one for one, secrets in readers.items() if f"{SECRET}fleetsave/postgresql/{use}-*" in secrets} == {role}


def test_the_watchdog_reads_no_secret_but_that_of_its_notices() -> None:
    told = permissions(Deployment({"NoticeSecret": "notices"}), "WatchdogRole")
    assert told - permissions(OWN, "WatchdogRole") == allowed(
        "secretsmanager:GetSecretValue", f"{SECRET}fleetsave/notices-??????"
    )


def test_who_logs_in_to_a_database_by_iam_is_collect_as_one_user_and_recover_as_another() -> None:
    read, restore = "arn:aws:rds-db:eu-west-1:1:dbuser:db-A/read", "arn:aws:rds-db:eu-west-1:1:dbuser:db-A/restore"
    deployment = Deployment({"PostgresqlReadUser": read, "PostgresqlRestoreUser": restore})
    found = {role: {one for one in permissions(deployment, role) if one[0] == "rds-db:connect"} for role in EVERYWHERE}
    assert found.pop("CollectRole") == allowed("rds-db:connect", read)
    assert found.pop("RecoverRole") == allowed("rds-db:connect", restore)
    assert not any(found.values())


def test_no_two_functions_share_a_role_and_each_role_serves_one_service() -> None:
    functions = OWN.of_type("AWS::Lambda::Function")
    assert {name: function["Role"] for name, function in functions.items()} == {
        f"{name}Function": f"{name}Role.Arn" for name in FUNCTIONS
    }
    for name, role in OWN.of_type("AWS::IAM::Role").items():
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        service = "scheduler.amazonaws.com" if name == "ScheduleRole" else "lambda.amazonaws.com"
        assert trust["Principal"] == {"Service": service}


@pytest.mark.parametrize("role", [f"{name}Role" for name in FUNCTIONS])
def test_listings_keep_to_the_prefixes_the_function_works_on(role: str) -> None:
    (listing,) = [statement for statement in statements(OWN, role) if statement["Action"] == "s3:ListBucket"]
    prefixes = listing["Condition"]["StringLikeIfExists"]["s3:prefix"]
    read = {resource.removeprefix("<Bucket.Arn>/") for action, resource in permissions(OWN, role) if action == "s3:GetObject"}
    written = {resource for action, resource in permissions(OWN, role) if action == "s3:PutObject"}
    assert set(prefixes) == {f"{one.split('/')[0]}/*" for one in read if one.endswith("/*")}
    assert {resource.removeprefix("<Bucket.Arn>/").split("/")[0] for resource in written} <= {
        one.split("/")[0] for one in prefixes
    }


def test_collect_announces_under_the_operators_own_source_only() -> None:
    (announce,) = [statement for statement in statements(EXTERNAL, "CollectRole") if statement["Action"] == "events:PutEvents"]
    assert announce["Condition"] == {"ForAllValues:StringEquals": {"events:source": "fleetsave.store"}}
