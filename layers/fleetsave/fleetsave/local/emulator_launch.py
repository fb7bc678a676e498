"""Start MiniStack with the seven settings its configuration cannot express.

A script by itself: it runs in MiniStack's own environment, where fleetsave is not installed. What it replaces are private names
of the one version `requirements-ministack.txt` pins; a name that is gone ends it at once. `--check` replaces them, prints
their names, and ends.

FLEETSAVE_FUNCTION_HOST is the address that gets every invocation, as POST {address}/{function name}.
"""

import datetime
import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

_MARKER = "ExpiredObjectDeleteMarker"


class Overrides:
    """Replaces names of modules, and remembers which."""

    def __init__(self) -> None:
        self.replaced: list[str] = []

    def replace(self, module: str, name: str, make: Callable[[Any], Any]) -> None:
        """Replace `module.name` by `make(what it was)`. Raise SystemExit if this version has no such name."""
        owner = importlib.import_module(module)
        if not hasattr(owner, name):
            raise SystemExit(f"ministack has no {module}.{name}: is it the version requirements-ministack.txt pins?")
        setattr(owner, name, make(getattr(owner, name)))
        self.replaced.append(f"{module}.{name}")


def parallel_groups(original: Callable[..., int]) -> Callable[..., int]:
    """Let FIFO groups run side by side: batches of one cannot span groups, and receiving a message locks its group."""

    def concurrency(
        mapping: dict[str, Any], function: dict[str, Any], config: dict[str, Any], queue: dict[str, Any] | None = None
    ) -> int:
        return original(mapping, function, config, None if mapping.get("BatchSize") == 1 else queue)

    return concurrency


def functions_at(host: str) -> Callable[[Any], Callable[[dict[str, Any]], str]]:
    """Send every invocation to the function host; nothing is written into the functions' own configuration."""
    return lambda _original: lambda config: f"{host}/{config['FunctionName']}"


def schedule_context(original: Callable[..., Any]) -> Callable[..., Any]:
    """Fill in EventBridge Scheduler's context attributes, e.g. <aws.scheduler.scheduled-time>, in a target's Input."""

    def invoke(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], *rest: Any, **named: Any) -> Any:
        text = target.get("Input") or ""
        if event.get("Source") == "aws.scheduler" and "<aws.scheduler." in text:
            context = {
                "scheduled-time": scheduled_time(rule.get("ScheduleExpression", ""), event["Time"]),
                "schedule-arn": rule.get("Arn", ""),
                "execution-id": event["EventId"],
                "attempt-number": "1",
            }
            for name, value in context.items():
                text = text.replace(f"<aws.scheduler.{name}>", value)
            target = {**target, "Input": text}
        return original(target, event, rule, *rest, **named)

    return invoke


def scheduled_time(expression: str, fired_at: float) -> str:
    """Return the time a schedule was due, which is a little before it fired, as AWS writes it."""
    if expression.startswith("at("):
        return f"{expression[3:-1]}Z"
    due = datetime.datetime.fromtimestamp(fired_at, datetime.UTC)
    if expression.startswith("cron("):
        due = due.replace(second=0)
    return due.strftime("%Y-%m-%dT%H:%M:%SZ")


def batch_actions(original: Callable[..., str | None]) -> Callable[..., str | None]:
    """Let SQS's batch calls ask for the permission of the single call, as AWS does: it knows no sqs:SendMessageBatch."""

    def action(*given: Any, **named: Any) -> str | None:
        asked = original(*given, **named)
        return asked.removesuffix("Batch") if asked and asked.startswith("sqs:") else asked

    return action


def write_conditions(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Let bucket policies ask, as on AWS, whether a write makes an object, and whether it asks that none be there."""

    def context(iam_action: str, query: dict[str, Any] | None, path: str = "", headers: dict[str, str] | None = None) -> Any:
        given = original(iam_action, query, path, headers)
        if iam_action != "s3:PutObject":
            return given
        makes_nothing = {"uploads", "partNumber"} & (query or {}).keys()
        asked = (headers or {}).get("if-none-match")
        return {
            **given,
            "s3:ObjectCreationOperation": "false" if makes_nothing else "true",
            **({"s3:if-none-match": asked} if asked else {}),
        }

    return context


def bucket_properties(original: tuple[Any, ...]) -> tuple[Any, ...]:
    """Add Object Lock and lifecycle to the bucket properties that CloudFormation hands to S3."""
    s3 = importlib.import_module("ministack.services.s3")

    def forget_lock(_bucket: str) -> None:
        """Object Lock cannot be taken off a bucket."""

    def forget_lifecycle(bucket: str) -> None:
        s3._bucket_lifecycle.pop(bucket, None)

    return (
        *original,
        ("ObjectLockConfiguration", lock_xml, s3._put_object_lock_configuration, forget_lock),
        ("LifecycleConfiguration", lifecycle_xml, s3._put_bucket_lifecycle, forget_lifecycle),
    )


def lock_xml(properties: dict[str, Any]) -> bytes:
    """Return the XML of PutObjectLockConfiguration for a template's ObjectLockConfiguration."""
    return _xml("ObjectLockConfiguration", properties).encode()


def lifecycle_xml(properties: dict[str, Any]) -> bytes:
    """Return the XML of PutBucketLifecycleConfiguration for a template's LifecycleConfiguration."""
    rules = [_lifecycle_rule(rule) for rule in properties["Rules"]]
    return _xml("LifecycleConfiguration", {"Rules": rules}).encode()


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """Return a rule as the API has it; CloudFormation writes its prefix and its expiration flat."""
    days = {"Days": rule["ExpirationInDays"]} if "ExpirationInDays" in rule else {}
    marker = {"ExpiredObjectDeleteMarker": str(rule[_MARKER]).lower()} if _MARKER in rule else {}
    flat = {"Prefix", "ExpirationInDays", _MARKER}
    return {
        "Filter": {"Prefix": rule.get("Prefix", "")},
        **({"Expiration": {**days, **marker}} if days or marker else {}),
        **{name: value for name, value in rule.items() if name not in flat},
    }


def _xml(tag: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_xml(tag, item) for item in value)
    if isinstance(value, dict):
        renamed = {"Id": "ID", "Rules": "Rule"}
        value = "".join(_xml(renamed.get(name) or name, item) for name, item in value.items())
    return f"<{tag}>{value}</{tag}>"


def main() -> None:
    """Replace what must be replaced, and run MiniStack until it is told to end."""
    overrides = Overrides()
    lambda_module, events_module = "ministack.services.lambda_svc", "ministack.services.eventbridge"
    provisioners = "ministack.services.cloudformation.provisioners"
    overrides.replace(lambda_module, "_sqs_esm_concurrency", parallel_groups)
    overrides.replace(lambda_module, "_proxy_url_for", functions_at(os.environ["FLEETSAVE_FUNCTION_HOST"]))
    overrides.replace(events_module, "_invoke_target", schedule_context)
    overrides.replace("ministack.core.iam_actions", "extract_iam_action", batch_actions)
    overrides.replace("ministack.core.iam_actions", "s3_service_context", write_conditions)
    overrides.replace("ministack.services.scheduler", "_SCHEDULE_TICK_INTERVAL", lambda _seconds: 1)
    overrides.replace(provisioners, "_S3_BUCKET_CONFIGURATIONS", bucket_properties)
    if sys.argv[1:] == ["--check"]:
        print("\n".join(overrides.replaced))
        return
    sys.argv = ["ministack"]
    sys.exit(importlib.import_module("ministack.app").main())


if __name__ == "__main__":
    main()
