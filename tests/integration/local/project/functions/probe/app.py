"""A function that does what it is told, so that a test can see what the runtime lets it do."""

import importlib.util
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any


def handler(event: dict[str, Any], context: Any) -> Any:
    """Do what the event, or each message of it, asks for; a message that fails is reported, a bare event raises.

    A request to the API is answered with what was seen of it, and as its body says.
    """
    if "httpMethod" in event:
        return _mirror(event)
    if "Records" not in event:
        return _DEEDS[event["do"]](event, context)
    failed = []
    for record in event["Records"]:
        try:
            message = json.loads(record["body"])
            _DEEDS[message["do"]](message, context)
        except RuntimeError:
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _mirror(event: dict[str, Any]) -> dict[str, Any]:
    asked = json.loads(event["body"] or "{}")
    return {
        "statusCode": asked.get("status", 200),
        "multiValueHeaders": asked.get("headers", {}),
        "body": json.dumps(event, ensure_ascii=False),
        "isBase64Encoded": False,
    }


def _echo(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    print(json.dumps({"echo": event}), flush=True)
    return event


def _fail(event: dict[str, Any], _context: Any) -> None:
    raise RuntimeError(event.get("because", "it was told to"))


def _allocate(event: dict[str, Any], _context: Any) -> int:
    return len(bytearray(event["megabytes"] << 20))


def _sleep(event: dict[str, Any], _context: Any) -> None:
    print(f"{event.get('name', 'sleep')} begins {time.time()}", flush=True)
    time.sleep(event["seconds"])
    print(f"{event.get('name', 'sleep')} ends {time.time()}", flush=True)


def _exit(event: dict[str, Any], _context: Any) -> None:
    os._exit(event["code"])


def _describe(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    return {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "milliseconds_left": context.get_remaining_time_in_millis(),
        "memory": context.memory_limit_in_mb,
        "temporary": tempfile.gettempdir(),
        "environment": sorted(os.environ),
        "pid": os.getpid(),
        "importable": [name for name in ("boto3", "fleetsave", "samcli", "pydantic") if _is_importable(name)],
    }


def _metric(event: dict[str, Any], _context: Any) -> None:
    directive = {"Namespace": "probe", "Dimensions": [["service"]], "Metrics": [{"Name": "Deeds", "Unit": "Count"}]}
    print(json.dumps({"_aws": {"Timestamp": 0, "CloudWatchMetrics": [directive]}, "service": "probe", "Deeds": event["value"]}))


def _credentials(_event: dict[str, Any], _context: Any) -> list[str]:
    return [os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")]


def _is_importable(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


_DEEDS: dict[str, Callable[[dict[str, Any], Any], Any]] = {
    "echo": _echo,
    "fail": _fail,
    "allocate": _allocate,
    "sleep": _sleep,
    "exit": _exit,
    "describe": _describe,
    "metric": _metric,
    "credentials": _credentials,
}
