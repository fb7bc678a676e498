"""Where long runs leave what they measured: one JSON line a figure, in .local/figures.jsonl."""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

FIGURES = Path(__file__).resolve().parents[2] / ".local" / "figures.jsonl"


def record(name: str, *, seed: int | None = None, **figures: object) -> None:
    """Append a figure with the UTC date and the machine it was seen on; `seed` if chance was part of it."""
    line = {
        "name": name,
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "seed": seed,
        "figures": figures,
        "machine": _machine(),
    }
    FIGURES.parent.mkdir(exist_ok=True)
    with FIGURES.open("a") as lines:
        lines.write(json.dumps(line) + "\n")


def _machine() -> dict[str, object]:
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
