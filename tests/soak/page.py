"""The published page of figures: what was asked, what was seen last, and the command that sees it again."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.soak.archive_figures import ARCHIVE_FIGURES
from tests.soak.figure import Figure, Seen
from tests.soak.postgres_figures import POSTGRES_FIGURES
from tests.soak.scale_figures import SCALE_FIGURES

_TITLE = """# Figures

What the long runs saw last. `make soak` runs them all and writes this page; each row names the command for its own figure,
and `.venv/bin/python -m tests.soak.figures` writes the page anew; what was not run since keeps its row, and its date.

A mutant is a plain copy of the live files that claims to be the capture taken right before it. `torn` mutants hold money made
or lost, or are no database any more; the others are whole, but of another moment. SQLite's `integrity_check` accepts most.

| what | asked | seen | met | command | seed | date | machine |
|---|---|---|---|---|---|---|---|
"""


class MissingFigureError(Exception):
    """Figures that no run has left; the message names each with its command."""


_JOURNALS = {"wal": "WAL", "delete": "rollback journal"}
_METHODS = {"backup": "frozen snapshot", "held_transaction": "no disk: held transaction"}
_COPIES = {
    "the .db alone": [".db"],
    "the .db and its journal": [".db", ".db-wal", ".db-journal"],
}

FIGURES = [
    *(
        Figure(
            what=f"captures at full speed, {journal}, {way}",
            asked="100 of 100 good",
            name="captures",
            test="test_captures.py",
            shows=("captures", "good", "payments", "longest_stall_seconds"),
            is_met=lambda seen: seen["good"] == seen["captures"] >= 100,
            where={"journal_mode": mode, "method": [method]},
        )
        for mode, journal in _JOURNALS.items()
        for method, way in _METHODS.items()
    ),
    *(
        Figure(
            what=f"mutant captures, {journal}, {copy}",
            asked="50, 0 accepted",
            name="mutant captures",
            test="test_mutants.py",
            shows=("trials", "accepted", "torn", "integrity_check_alone_would_have_accepted"),
            is_met=lambda seen: seen["trials"] >= 50 and seen["accepted"] == 0,
            where={"journal_mode": mode, "files": files},
        )
        for mode, journal in _JOURNALS.items()
        for copy, files in _COPIES.items()
    ),
    Figure(
        what="collect's peak memory for a 64 MB and a 2 GB database",
        asked="each under 200 MB, difference under 30 MB",
        name="collect's peak memory",
        test="test_memory.py",
        shows=("peak_megabytes_for_small", "peak_megabytes_for_large", "seconds_for_small", "seconds_for_large"),
        is_met=lambda seen: _memory_is_flat(seen["peak_megabytes_for_small"], seen["peak_megabytes_for_large"]),
        where={"small_database_megabytes": 64, "large_database_megabytes": 2048},
    ),
    *(
        Figure(
            what=f"2 GB transfers, sshd's RekeyLimit {limit}",
            asked="20 of 20 complete, no stall over 5 s",
            name=f"2 GB transfers, sshd RekeyLimit {limit}",
            test="test_transfers.py",
            shows=("runs", "complete", "longest_gap_seconds", "median_seconds", "slowest_seconds"),
            is_met=lambda seen: seen["complete"] == seen["runs"] >= 20 and seen["longest_gap_seconds"] < 5,
        )
        for limit in ("default", "256M")
    ),
    Figure(
        what="kill -9 of collect during an upload, then the retry",
        asked="20 of 20 byte-identical, 0 orphaned uploads",
        name="kill -9 of collect",
        test="test_killed_runs.py",
        shows=("runs", "byte_identical", "orphaned_uploads", "snapshots_left", "killed_at_random_moments"),
        is_met=lambda seen: seen["byte_identical"] == seen["runs"] >= 20 and seen["orphaned_uploads"] == 0,
    ),
    Figure(
        what="kill -9 of the worker, the SSH sessions or the agent during a recovery, while the game writes",
        asked="200: live database old or new, 0 mixed, 0 safety copies lost, every recovery ends",
        name="kill -9 during a recovery",
        test="test_recoveries.py",
        shows=("kills", "killed", "mixed", "safety_copies_lost", "left_behind", "interrupted_at", "ended", "game_write_errors"),
        is_met=lambda seen: (
            seen["kills"] == sum(seen["ended"].values()) >= 200 and seen["mixed"] == seen["safety_copies_lost"] == 0
        ),
    ),
    *(
        Figure(
            what=f"restores beside a running writer, {journal}",
            asked="50 of 50 proven" + (", no failed write" if mode == "wal" else ""),
            name="restores beside a writer",
            test="test_restores.py",
            shows=("restores", "proven", "failed_writes", "longest_write_seconds", "median_swap_seconds", "longest_swap_seconds"),
            is_met=lambda seen: (
                seen["proven"] == seen["restores"] >= 50 and (seen["journal_mode"] != "wal" or not seen["failed_writes"])
            ),
            where={"journal_mode": mode},
        )
        for mode, journal in _JOURNALS.items()
    ),
    *(
        Figure(
            what=f"kill -9 of the server's agent or SSH session within a restore, {journal}",
            asked="100: database old or new, nothing kept lost, all end",
            name="kill -9 within a restore",
            test="test_restores.py",
            shows=("kills", "restores_ended", "roll_backs", "mixed", "lost", "other_problems"),
            is_met=lambda seen: seen["kills"] >= 100 and seen["mixed"] == seen["lost"] == seen["other_problems"] == 0,
            where={"journal_mode": mode},
        )
        for mode, journal in _JOURNALS.items()
    ),
    *(
        Figure(
            what=f"bit flips in stored objects, compression {compression}",
            asked="100, 0 accepted",
            name=f"bit flips in stored objects ({compression})",
            test="test_bit_flips.py",
            shows=("trials", "accepted", "integrity_check alone would have accepted"),
            is_met=lambda seen: seen["trials"] >= 100 and seen["accepted"] == 0,
        )
        for compression in ("zstd", "none")
    ),
    *(
        Figure(
            what=f"hypothesis: {subject}",
            asked="1,000 examples for each property",
            name=f"hypothesis: {name}",
            test="test_properties.py",
            shows=("properties", "least_examples"),
            is_met=lambda seen: seen["least_examples"] >= 1000,
        )
        for name, subject in {"keys": "keys are built and parsed back", "retention": "no guard is ever broken"}.items()
    ),
    *POSTGRES_FIGURES,
    *ARCHIVE_FIGURES,
    *SCALE_FIGURES,
]


def read_records(path: Path) -> list[Seen]:
    """Return what the long runs left, oldest first; nothing if none ever ran."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def page(records: Sequence[Seen], figures: Iterable[Figure] = tuple(FIGURES), *, before: str = "") -> str:
    """Return the page in Markdown; a figure without a record keeps its row on the page `before`, with its date.

    Raise MissingFigureError if a figure was never seen.
    """
    rows, missing = [], []
    for figure in figures:
        newest = next((record for record in reversed(records) if figure.matches(record)), None)
        row = _row(figure, newest) if newest else _row_before(figure, before)
        if row is None:
            missing.append(f"{figure.what}: {figure.command}")
        else:
            rows.append(row)
    if missing:
        raise MissingFigureError("no run has left these figures:\n" + "\n".join(missing))
    return _TITLE + "".join(rows)


def _row_before(figure: Figure, before: str) -> str | None:
    return next((f"{line}\n" for line in before.splitlines() if line.startswith(f"| {figure.what} | ")), None)


def _row(figure: Figure, record: Seen) -> str:
    seen, machine = record["figures"], record["machine"]
    shown = ", ".join(f"{name.replace('_', ' ')}: {seen[name]}" for name in figure.shows if name in seen)
    cells = [
        figure.what,
        figure.asked,
        shown,
        "yes" if figure.is_met(seen) else "**no**",
        f"`{figure.command}`",
        "" if record["seed"] is None else record["seed"],
        record["date"],
        f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_gib']} GiB, Python {machine['python']}",
    ]
    return f"| {' | '.join(str(cell) for cell in cells)} |\n"


def _memory_is_flat(small: float, large: float) -> bool:
    """Tell whether two peaks, in MB, are within what was asked."""
    return max(small, large) < 200 and abs(large - small) < 30
