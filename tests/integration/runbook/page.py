"""The runbook's commands, as they stand on the page."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "runbook-recovery.md"


def blocks() -> dict[str, str]:
    """Return every marked block by its name, in the page's order. Raise AssertionError if a name stands there twice."""
    found = re.findall(r"^```bash by-hand: ([a-z0-9]+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(dict(found)) == len(found), "two blocks have one name"
    return dict(found)


def variables(block: str = "variables") -> list[str]:
    """Return the names of the variables that a reader has to set."""
    return re.findall(r"^([A-Z]+)=", blocks()[block], re.MULTILINE)
