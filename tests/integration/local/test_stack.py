"""The local stack does to functions what AWS does, and lets them do no more."""

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from fleetsave.local.emulator import REGION
from fleetsave.local.stack import LocalStack, Profile

GREETING = 'it\'s (a) "greeting"'


@pytest.fixture(scope="module")
def stack(project: Path) -> Iterator[LocalStack]:
    with LocalStack(Profile.MINISTACK, project=project, name="probe", parameters={"Greeting": GREETING}) as running:
        yield running


def wait_for(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def send(stack: LocalStack, *messages: dict[str, Any]) -> None:
    entries = [{"Id": str(position), "MessageBody": json.dumps(message)} for position, message in enumerate(messages)]
    stack.client("sqs").send_message_batch(QueueUrl=stack.outputs["QueueUrl"], Entries=entries)


def test_functions_run_on_our_python_with_the_templates_limits_and_nothing_of_ours(stack: LocalStack) -> None:
    seen = stack.invoke("ProbeFunction", {"do": "describe"})
    assert seen["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert seen["memory"] == "256"
    assert 2000 < seen["milliseconds_left"] <= 4000
    assert seen["temporary"].startswith(str(stack.state))
    assert seen["importable"] == []
    assert {"GREETING", "BUCKET", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"} <= set(seen["environment"])
    assert not {"VIRTUAL_ENV", "PYTEST_CURRENT_TEST", "MINISTACK_HOST"} & set(seen["environment"])


def test_parameters_arrive_as_they_were_given(stack: LocalStack) -> None:
    function = stack.client("lambda").get_function_configuration(FunctionName="probe-probe")
    assert function["Environment"]["Variables"]["GREETING"] == GREETING


def test_calls_at_the_same_time_run_side_by_side_in_environments_of_their_own(stack: LocalStack) -> None:
    for group in ("first", "second"):
        stack.client("sqs").send_message(
            QueueUrl=stack.outputs["GroupsUrl"],
            MessageGroupId=group,
            MessageBody=json.dumps({"do": "sleep", "seconds": 1.5, "name": group}),
        )
    times: dict[str, float] = {}

    def both_have_ended() -> bool:
        found = re.findall(r"(first|second) (begins|ends) ([\d.]+)", stack.function_log("ProbeFunction"))
        times.update({f"{name} {what}": float(at) for name, what, at in found})
        return len(times) == 4

    wait_for(both_have_ended)
    assert max(times["first begins"], times["second begins"]) < min(times["first ends"], times["second ends"])


def test_a_role_may_do_what_its_policy_says_and_nothing_else(stack: LocalStack) -> None:
    key, secret, token = stack.invoke("ProbeFunction", {"do": "credentials"})
    session = boto3.session.Session(key, secret, token, region_name=REGION)
    s3 = session.client("s3", endpoint_url=stack.endpoint)
    bucket = stack.outputs["BucketName"]
    s3.put_object(Bucket=bucket, Key="servers/a", Body=b"text")
    denied: list[Callable[[], object]] = [
        lambda: s3.put_object(Bucket=bucket, Key="config/fleet.yaml", Body=b"text"),
        lambda: s3.get_object(Bucket=bucket, Key="servers/a"),
        lambda: s3.delete_object(Bucket=bucket, Key="servers/a"),
        lambda: session.client("sqs", endpoint_url=stack.endpoint).purge_queue(QueueUrl=stack.outputs["QueueUrl"]),
        lambda: session.client("iam", endpoint_url=stack.endpoint).list_roles(),
    ]
    for attempt in denied:
        with pytest.raises(ClientError, match=r"AccessDenied|not authorized"):
            attempt()
    assert [item.key for item in stack.store().list("")] == ["servers/a"]


def test_bucket_properties_of_the_template_hold(stack: LocalStack) -> None:
    s3, bucket = stack.client("s3"), stack.outputs["BucketName"]
    lock = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    assert lock["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 1}
    rules = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]}
    assert rules["uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}
    assert rules["versions"]["Expiration"] == {"Days": 9}
    assert rules["versions"]["Filter"] == {"Prefix": "servers/"}


def test_a_schedule_reaches_the_function_through_its_queue_with_the_time_it_was_due(stack: LocalStack) -> None:
    stack.fire("Schedule")
    due = re.compile(r'"due": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"')
    wait_for(lambda: due.search(stack.function_log("ProbeFunction")) is not None)


def test_only_the_message_that_failed_ends_in_the_dead_letter_queue(stack: LocalStack) -> None:
    send(stack, {"do": "echo", "name": "good"}, {"do": "fail", "name": "bad"})
    wait_for(lambda: stack.queue_depth("Dlq") == 1)
    assert stack.queue_depth("Queue") == 0
    (message,) = stack.client("sqs").receive_message(QueueUrl=stack.physical_name("Dlq"))["Messages"]
    assert json.loads(message["Body"])["name"] == "bad"


def test_memory_above_the_templates_is_refused(stack: LocalStack) -> None:
    with pytest.raises(RuntimeError, match="MemoryError"):
        stack.invoke("ProbeFunction", {"do": "allocate", "megabytes": 300})
    assert stack.invoke("ProbeFunction", {"do": "allocate", "megabytes": 100}) == 100 << 20


def test_a_function_is_ended_at_its_timeout_and_runs_again(stack: LocalStack) -> None:
    begun = time.monotonic()
    with pytest.raises(RuntimeError, match="timed out"):
        stack.invoke("ProbeFunction", {"do": "sleep", "seconds": 60})
    assert time.monotonic() - begun < 8
    assert stack.invoke("ProbeFunction", {"do": "echo"}) == {"do": "echo"}


def test_a_function_that_kills_its_runtime_is_an_error_and_runs_again(stack: LocalStack) -> None:
    with pytest.raises(RuntimeError, match="ExitError"):
        stack.invoke("ProbeFunction", {"do": "exit", "code": 3})
    assert stack.invoke("ProbeFunction", {"do": "echo"}) == {"do": "echo"}


def test_an_exception_arrives_with_its_type_and_words(stack: LocalStack) -> None:
    with pytest.raises(RuntimeError, match=r"because of this.*RuntimeError"):
        stack.invoke("ProbeFunction", {"do": "fail", "because": "because of this"})


def test_what_a_function_prints_is_in_cloudwatch_logs_and_embedded_metrics_in_cloudwatch(stack: LocalStack) -> None:
    stack.invoke("ProbeFunction", {"do": "metric", "value": 7})

    def is_logged() -> bool:
        events = stack.client("logs").filter_log_events(logGroupName="/aws/lambda/probe-probe", filterPattern="Deeds")
        return bool(events["events"])

    def is_counted() -> bool:
        (metric, *_) = stack.client("cloudwatch").list_metrics(Namespace="probe")["Metrics"] or [None]
        return metric is not None and metric["Dimensions"] == [{"Name": "service", "Value": "probe"}]

    wait_for(is_logged)
    wait_for(is_counted)


def test_a_secret_can_be_put_again(stack: LocalStack) -> None:
    for text in ("one", "two"):
        stack.put_secret("probe/secret", text)
    assert stack.client("secretsmanager").get_secret_value(SecretId="probe/secret")["SecretString"] == "two"
