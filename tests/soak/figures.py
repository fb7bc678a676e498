"""Where long runs leave what they measured: one JSON line a figure, in .local/figures.jsonl.

`python -m tests.soak.figures` writes docs/figures.md from it.
"""

import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.soak.page import MissingFigureError, page, read_records

_PROJECT = Path(__file__).resolve().parents[2]
FIGURES = _PROJECT / ".local" / "figures.jsonl"
PAGE = _PROJECT / "docs" / "figures.md"


def record(name: str, *, seed: int | None = None, **figures: object) -> None:
    """Append a figure with the UTC date and the machine it was seen on; `seed` if chance was part of it."""
    line = {
        "name": name,
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "seed": seed,
        "figures": figures,
        "machine": machine(),
    }
    FIGURES.parent.mkdir(exist_ok=True)
    with FIGURES.open("a") as lines:
        lines.write(json.dumps(line) + "\n")


def machine() -> dict[str, object]:
    models = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "cpu": models[0] if models else platform.machine(),
        "memory_gib": round(memory / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else []


def main() -> None:
    """Write the page of figures, or say which are missing."""
    try:
        PAGE.write_text(page(read_records(FIGURES), before=PAGE.read_text()))
    except MissingFigureError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
