"""The launcher's replacements change what they should, and nothing else."""

from typing import Any

import pytest

from fleetsave.local import emulator_launch as launch


def concurrency(_mapping: Any, _function: Any, _config: Any, queue: dict[str, Any] | None = None) -> int:
    return 1 if (queue or {}).get("is_fifo") else 7


@pytest.mark.parametrize(("batch_size", "in_flight"), [(1, 7), (10, 1)])
def test_groups_run_side_by_side_only_where_a_batch_cannot_span_them(batch_size: int, in_flight: int) -> None:
    patched = launch.parallel_groups(concurrency)
    assert patched({"BatchSize": batch_size}, {}, {}, {"is_fifo": True}) == in_flight


def test_every_function_is_sent_to_the_host_under_its_name() -> None:
    assert launch.functions_at("http://host:1")(None)({"FunctionName": "collect"}) == "http://host:1/collect"


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("cron(0 * * * ? *)", "2026-11-23T01:00:00Z"),
        ("rate(1 minute)", "2026-11-23T01:00:04Z"),
        ("at(2026-11-23T00:59:59)", "2026-11-23T00:59:59Z"),
    ],
)
def test_a_schedules_input_gets_the_time_it_was_due(expression: str, due: str) -> None:
    seen: list[str] = []
    invoke = launch.schedule_context(lambda target, _event, _rule: seen.append(target["Input"]))
    target = {"Input": '{"slot":"<aws.scheduler.scheduled-time>","id":"<aws.scheduler.execution-id>"}'}
    event = {"Source": "aws.scheduler", "Time": 1795395604.4, "EventId": "e-1"}
    invoke(target, event, {"ScheduleExpression": expression, "Arn": "arn"})
    assert seen == [f'{{"slot":"{due}","id":"e-1"}}']
    assert "<aws" in target["Input"]


def test_other_events_are_left_as_they_are() -> None:
    seen: list[dict[str, str]] = []
    target = {"Input": "<aws.scheduler.scheduled-time>"}
    launch.schedule_context(lambda target, _event, _rule: seen.append(target))(target, {"Source": "aws.events"}, {})
    assert seen == [target]


@pytest.mark.parametrize(
    ("query", "headers", "seen"),
    [
        ({}, {}, {"s3:ObjectCreationOperation": "true"}),
        ({}, {"if-none-match": "*"}, {"s3:ObjectCreationOperation": "true", "s3:if-none-match": "*"}),
        ({"uploads": [""]}, {}, {"s3:ObjectCreationOperation": "false"}),
        ({"uploadId": ["u"], "partNumber": ["1"]}, {}, {"s3:ObjectCreationOperation": "false"}),
        ({"uploadId": ["u"]}, {"if-none-match": "*"}, {"s3:ObjectCreationOperation": "true", "s3:if-none-match": "*"}),
    ],
)
def test_a_bucket_policy_sees_what_makes_an_object_and_what_asks_that_none_be_there(
    query: dict[str, list[str]], headers: dict[str, str], seen: dict[str, str]
) -> None:
    context = launch.write_conditions(lambda *_given: {"s3:x-amz-acl": "private"})
    assert context("s3:PutObject", query, "/bucket/key", headers) == {"s3:x-amz-acl": "private", **seen}
    assert context("s3:GetObject", query, "/bucket/key", headers) == {"s3:x-amz-acl": "private"}


@pytest.mark.parametrize(
    ("asked", "checked"),
    [
        ("sqs:SendMessageBatch", "sqs:SendMessage"),
        ("sqs:ReceiveMessage", "sqs:ReceiveMessage"),
        ("batch:SubmitBatch", "batch:SubmitBatch"),
        (None, None),
    ],
)
def test_a_batch_needs_the_permission_of_the_single_call(asked: str | None, checked: str | None) -> None:
    assert launch.batch_actions(lambda *_given: asked)("sqs", "POST") == checked


def test_object_lock_becomes_the_apis_xml() -> None:
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 7}}}
    assert launch.lock_xml(lock) == (
        b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>"
        b"<Mode>GOVERNANCE</Mode><Days>7</Days></DefaultRetention></Rule></ObjectLockConfiguration>"
    )


def test_lifecycle_rules_become_the_apis_xml() -> None:
    rules = {
        "Rules": [
            {"Id": "a", "Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}},
            {"Id": "b", "Status": "Enabled", "Prefix": "p/", "ExpiredObjectDeleteMarker": True},
        ]
    }
    assert launch.lifecycle_xml(rules) == (
        b"<LifecycleConfiguration>"
        b"<Rule><Filter><Prefix></Prefix></Filter><ID>a</ID><Status>Enabled</Status>"
        b"<AbortIncompleteMultipartUpload><DaysAfterInitiation>2</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>"
        b"<Rule><Filter><Prefix>p/</Prefix></Filter><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>"
        b"</Expiration><ID>b</ID><Status>Enabled</Status></Rule>"
        b"</LifecycleConfiguration>"
    )


def test_a_name_that_is_gone_ends_the_launcher() -> None:
    with pytest.raises(SystemExit, match=r"json\.no_such_name.*requirements-ministack\.txt"):
        launch.Overrides().replace("json", "no_such_name", lambda original: original)
