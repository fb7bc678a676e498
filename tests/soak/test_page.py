"""The page of figures shows the newest record of each figure as it was seen, and is not written without one."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.soak.figure import Figure
from tests.soak.page import FIGURES, MissingFigureError, page, read_records

MACHINE = {"cores": 2, "cpu": "a processor", "memory_gib": 8, "system": "Linux", "python": "3.11.7"}
FIGURE = Figure(
    what="things",
    asked="2 of 2 good",
    name="things",
    test="test_things.py",
    shows=("runs", "good_ones"),
    is_met=lambda seen: seen["good_ones"] == seen["runs"] >= 2,
    where={"kind": "blue"},
)


def seen(name: str = "things", *, seed: int | None = 7, **figures: Any) -> dict[str, Any]:
    figures = {"kind": "blue", "runs": 2, "good_ones": 2, **figures}
    return {"name": name, "date": "2024-01-01T12:00:00Z", "seed": seed, "figures": figures, "machine": MACHINE}


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| things")]


def test_a_row_tells_what_was_asked_and_seen_and_how_to_see_it_again() -> None:
    (row,) = rows(page([seen()], [FIGURE]))
    assert row == [
        "things",
        "2 of 2 good",
        "runs: 2, good ones: 2",
        "yes",
        "`.venv/bin/pytest -m soak --timeout 0 tests/soak/test_things.py`",
        "7",
        "2024-01-01T12:00:00Z",
        "2 cores of a processor, 8 GiB, Python 3.11.7",
    ]


def test_the_newest_record_counts_even_if_an_older_one_was_better() -> None:
    (row,) = rows(page([seen(), seen(runs=1, good_ones=1)], [FIGURE]))
    assert row[2:4] == ["runs: 1, good ones: 1", "**no**"]


def test_records_of_other_figures_are_left_alone() -> None:
    (row,) = rows(page([seen(), seen(kind="red", good_ones=0), seen("others", good_ones=0)], [FIGURE]))
    assert row[3] == "yes"


def test_a_figure_that_no_run_has_left_is_named_with_its_command() -> None:
    with pytest.raises(MissingFigureError, match=r"things: \.venv/bin/pytest -m soak --timeout 0 tests/soak/test_things\.py"):
        page([seen(kind="red")], [FIGURE])


def test_records_are_read_in_order_and_none_are_no_error(tmp_path: Path) -> None:
    assert read_records(tmp_path / "none") == []
    path = tmp_path / "figures.jsonl"
    path.write_text("".join(json.dumps(seen(runs=number)) + "\n" for number in range(3)))
    assert [record["figures"]["runs"] for record in read_records(path)] == [0, 1, 2]


def test_every_figure_names_a_test_that_is_there() -> None:
    for figure in FIGURES:
        assert (Path(__file__).parent / figure.test).is_file(), figure.what


@pytest.mark.parametrize(("small", "large", "met"), [(80, 95, "yes"), (80, 110, "**no**"), (195, 201, "**no**")])
def test_peak_memory_is_met_within_both_limits(small: float, large: float, met: str) -> None:
    (memory,) = [figure for figure in FIGURES if figure.test == "test_memory.py"]
    record = seen(
        memory.name,
        small_database_megabytes=64,
        large_database_megabytes=2048,
        peak_megabytes_for_small=small,
        peak_megabytes_for_large=large,
    )
    assert f"| {met} |" in page([record], [memory])


def test_a_figure_that_was_not_run_since_keeps_its_row_and_its_date() -> None:
    before = page([seen()], [FIGURE])
    assert page([], [FIGURE], before=before) == before
    (row,) = rows(page([seen(runs=3, good_ones=3)], [FIGURE], before=before))
    assert row[2] == "runs: 3, good ones: 3"
