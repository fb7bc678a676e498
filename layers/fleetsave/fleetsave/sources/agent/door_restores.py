"""What a restore may ask for: steps of the script, into what is configured; its path and its SQL are compared with ours."""

from typing import Any

from fleetsave.sources.agent.door_fields import said_of_restore
from fleetsave.sources.agent.door_requests import RefusedRequestError
from fleetsave.sources.agent.door_settings import is_seconds


def refusal_of(artifact: "dict[str, Any]", paths: "list[str]", asked: "dict[str, Any]") -> "dict[str, Any] | None":
    """Return why an order cannot be followed, None if it can be; `paths` are those that the artifact is now."""
    if said_of_restore(asked) is None or not is_seconds(asked.get("deadline", 60)):
        raise RefusedRequestError(400)
    if asked.get("new_in") is not None:
        return restore_refused("not_served", "what is restored is what the agent serves, where it is")
    if asked.get("path") not in paths:
        return restore_refused("path_differs", f"the agent's path for {artifact['name']} is another")
    checks, own = asked.get("checks") or {}, artifact.get("checks", {})
    if not isinstance(checks, dict) or any(own.get(name) != sql for name, sql in checks.items()):
        return restore_refused("checks_differ", f"the agent's checks for {artifact['name']} are others")
    return None


def restore_order(artifact: "dict[str, Any]", asked: "dict[str, Any]") -> "dict[str, Any]":
    """Return what the script is told of an order that was not refused."""
    compared = {field: asked[field] for field in ("path", "checks", "deadline") if field in asked}
    return dict(said_of_restore(asked) or {}, **compared, links_out=artifact.get("links_out", False))


def restore_refused(reason: str, cause: str) -> "dict[str, Any]":
    """Return a reply as the script gives it."""
    return {"fleetsave": 1, "error": reason, "cause": cause}
