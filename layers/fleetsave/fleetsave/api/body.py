"""Reading the body of a request: one JSON object, said once, in UTF-8; everything else is refused before it is looked at."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from fleetsave.api.problems import UNSUPPORTED_MEDIA_TYPE, Refusal, refusal_of_fields

_JSON = "application/json"


def refuse_unreadable(event: Mapping[str, Any]) -> Refusal | None:
    """Return why the body of a REST proxy event is not even text of JSON's media type, None if it is or there is none.

    Powertools would read form data too, which is what curl sends where nobody says otherwise.
    """
    body = event.get("body")
    if not body:
        return None
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    media_type = (headers.get("content-type") or _JSON).partition(";")[0].strip().lower()
    if media_type != _JSON:
        return Refusal(
            UNSUPPORTED_MEDIA_TYPE, "read", "body", "its Content-Type is not application/json",
            "Send the header Content-Type: application/json.", headers={"Accept-Post": _JSON},
        )  # fmt: skip
    try:
        if event.get("isBase64Encoded"):
            base64.b64decode(body, validate=True).decode()
    except ValueError:
        return refusal_of_fields([{"type": "json_invalid", "loc": ("body",), "ctx": {"error": "it is not UTF-8 text"}}])
    return None


def as_json(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event that is readable with its media type in the one spelling that Powertools knows, even without a body."""
    headers = {name: value for name, value in (event.get("headers") or {}).items() if name.lower() != "content-type"}
    return {**event, "headers": {**headers, "Content-Type": _JSON}}


def read_json(text: str) -> Any:
    """Read JSON as RFC 8259 has it. Raise JSONDecodeError for NaN, a key that stands twice, and what is nested too deep.

    A list comes back as a tuple: Powertools would take the first item of a list for the whole body.
    """
    try:
        content = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once_each)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        cause = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise json.JSONDecodeError(cause, "", 0) from None
    return tuple(content) if isinstance(content, list) else content


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a key stands in it twice")
    return content
