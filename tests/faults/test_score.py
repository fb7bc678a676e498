"""The score shows what was seen, worst first to the eye, and hides nothing that was not run."""

import json
from typing import Any

import pytest

from tests.faults import scoring
from tests.faults.score import DATA, PAGE, bound, newest, page, read_records
from tests.faults.scoring import SHORT_TRIALS, scored
from tests.faults.table import FAULTS

MACHINE = {"cores": 2, "cpu": "a processor", "memory_gib": 8}


def record(number: int = 1, variant: str = "", **given: Any) -> dict[str, Any]:
    seen = {"trials": 60, "bad_accepted": 0, "lost": 0, "seed": 7, "date": "2024-01-01T12:00:00Z", "is_long": False, "seen": {}}
    return {"number": number, "variant": variant, "machine": MACHINE, "test": "tests/faults/test_x.py", **seen, **given}


def test_of_each_fault_and_variant_the_newest_long_run_counts_even_if_a_later_short_one_was_better() -> None:
    long = record(is_long=True, trials=1000, lost=1)
    older = record(is_long=True, trials=1000, date="2023-01-01T12:00:00Z")
    other = record(variant="zstd")
    assert newest([long, older, record(date="2025-01-01T12:00:00Z"), other]) == [long, other]


def test_what_went_wrong_stands_out_and_bounds_nothing() -> None:
    (row,) = [line for line in page([record(lost=1)]).splitlines() if line.startswith("| 1 |")]
    assert "| **1** | - |" in row
    (good,) = [line for line in page([record()]).splitlines() if line.startswith("| 1 |")]
    assert "| 60 | 0 | 0 | 4.9 % |" in good


def test_a_fault_that_was_not_run_is_named() -> None:
    text = page([record(number) for number in FAULTS if number != 5])
    assert f"**Not run yet:** 5 ({FAULTS[5].what})." in text


@pytest.mark.parametrize(("trials", "told"), [(60, "4.9 %"), (1000, "0.3 %"), (0, "-")])
def test_the_bound_is_that_of_no_failure_in_n_trials(trials: int, told: str) -> None:
    assert bound(trials, 0) == told


@pytest.fixture
def records(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(scoring, "RECORDS", tmp_path / "faults.jsonl")
    monkeypatch.setattr(scoring, "IS_LONG", False)
    return tmp_path / "faults.jsonl"


def test_a_short_run_makes_no_more_trials_than_it_may_and_keeps_what_it_saw(records: Any) -> None:
    with scored(1, "a way", share=3) as tally:
        tally.seen["longest"] = 2
        assert len(list(tally.each())) == SHORT_TRIALS // 3
    (line,) = [json.loads(text) for text in records.read_text().splitlines()]
    assert (line["trials"], line["bad_accepted"], line["lost"], line["seen"]) == (20, 0, 0, {"longest": 2})


def make_trials(wrong_at: int, wrong: str) -> None:
    with scored(1) as tally:
        for number in tally.each():
            if number == wrong_at:
                getattr(tally, wrong)("this one")


@pytest.mark.parametrize("wrong", ["accepted", "lose"])
def test_one_bad_trial_fails_the_test_and_is_kept_all_the_same(records: Any, wrong: str) -> None:
    with pytest.raises(AssertionError, match="this one"):
        make_trials(wrong_at=3, wrong=wrong)
    assert len(records.read_text().splitlines()) == 1


def test_a_run_that_makes_too_few_trials_fails(records: Any) -> None:
    with pytest.raises(AssertionError, match="only 0 of 60"), scored(1):
        pass
    assert records.exists()


def test_the_page_is_that_of_its_data_and_nothing_on_it_went_wrong() -> None:
    records = read_records(DATA)
    assert PAGE.read_text() == page(records)
    assert [one for one in records if one["bad_accepted"] or one["lost"]] == []
