"""What a bucket policy denies, decided as AWS documents it; of the elements and operators that template.yaml uses, no others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True)
class Request:
    """What is asked for: an action on a resource, and the keys of its context in small letters."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def denied(policy: Mapping[str, Any], request: Request) -> set[str]:
    """Return the Sid of every statement that denies a request."""
    return {statement["Sid"] for statement in policy["Statement"] if _covers(statement, request)}


def _covers(statement: Mapping[str, Any], request: Request) -> bool:
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert not statement.keys() - {"Sid", "Effect", "Principal", "Action", "Resource", "NotResource", "Condition"}
    if not _is_any(request.action, statement["Action"]):
        return False
    if "Resource" in statement and not _is_any(request.resource, statement["Resource"]):
        return False
    if "NotResource" in statement and _is_any(request.resource, statement["NotResource"]):
        return False
    conditions = statement.get("Condition", {})
    return all(
        _holds(operator, request.context.get(key.lower()), wanted)
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, actual: str | None, wanted: str | list[str]) -> bool:
    if operator == "Null":
        return (actual is None) == (wanted == "true")
    if operator == "Bool":
        return actual is not None and actual == wanted  # a key that is not there fits no Bool
    if operator == "ArnNotLike":
        return actual is None or not _is_any(actual, wanted)
    raise AssertionError(f"the tests do not know {operator}")


def _is_any(text: str, patterns: str | Iterable[str]) -> bool:
    listed = [patterns] if isinstance(patterns, str) else patterns
    return any(fnmatchcase(text, pattern) for pattern in listed)
