"""What a client may say of a restore in its own words: no path that leads anywhere, and no SQL."""

from typing import Any

RESTORE_FIELDS = {
    "recovery": str,
    "sha256": str,
    "size": int,
    "offset": int,
    "method": str,
    "keep_aside": bool,
    # Of folders: how much there is, and which paths in the folder are meant; the script lets none of them lead out of it.
    "content_size": int,
    "expected_size": int,
    "entries": int,
    "paths": list,
    "chosen": list,
    "away": list,
}
"""What a client alone may say; anything else in its order stays behind."""


def said_of_restore(asked: "dict[str, Any]") -> "dict[str, Any] | None":
    """Return of an order what is the client's to say, None if some of it is of another type than it should be."""
    said = {field: asked[field] for field in RESTORE_FIELDS if field in asked}
    return said if all(type(value) is RESTORE_FIELDS[field] for field, value in said.items()) else None
