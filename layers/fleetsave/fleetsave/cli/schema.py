"""The JSON Schema of the fleet file, for editors: docs/fleet.schema.json."""

from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from fleetsave.model.fleet import Fleet

_DURATION = {"type": "string", "pattern": r"^\d+(\.\d+)?\s*[smhdw]$", "examples": ["45s", "90m", "12h", "30d", "2w"]}
_ISO_DURATION = TypeAdapter(timedelta)


def fleet_schema() -> dict[str, Any]:
    """Return the JSON Schema of the fleet file."""
    schema = _as_written(Fleet.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _as_written(node: Any) -> Any:
    """Return a schema in which durations look as they do in the file, where pydantic would write them as ISO 8601."""
    if isinstance(node, list):
        return [_as_written(one) for one in node]
    if not isinstance(node, dict):
        return node
    made = {name: _as_written(value) for name, value in node.items()}
    if made.pop("gt", None) is not None:
        made |= _DURATION
        if isinstance(made.get("default"), str):
            made["default"] = f"{_ISO_DURATION.validate_strings(made['default']).total_seconds():g}s"
    return made
