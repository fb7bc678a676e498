"""The owner's SQL checks, before they are sent anywhere: each is one SELECT."""

import re
import sqlite3

from fleetsave.sources.sqlite.refusals import refusal

_COMMENTS = re.compile(r"\A(\s+|--[^\n]*(\n|\Z)|/\*.*?\*/)+", re.DOTALL)
_SELECT = re.compile(r"(SELECT|WITH|VALUES)\b", re.IGNORECASE)


def require_selects(source_path: str, checks: dict[str, str]) -> None:
    """Raise CaptureError, reason `bad_check`, unless every check is a single SELECT; the connection is read-only besides."""
    for name, sql in checks.items():
        problem = _problem(sql)
        if problem:
            raise refusal(source_path, "bad_check", f"check {name!r}: {problem}")


def _problem(sql: str) -> str | None:
    if "\0" in sql or not _SELECT.match(_COMMENTS.sub("", sql)):
        return "it is not a SELECT"
    for end in (match.end() for match in re.finditer(";", sql)):
        if sqlite3.complete_statement(sql[:end]) and _COMMENTS.sub("", sql[end:]).strip("; \t\r\n"):
            return "it is more than one statement"
    return None
