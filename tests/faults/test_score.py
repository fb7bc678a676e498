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


def rows_of(text: str, beginning: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(beginning)]


def test_what_went_wrong_stands_out_and_bounds_nothing() -> None:
    (bad,) = rows_of(page([record(lost=1), record(variant="another")]), "| [1](#fault-1) |")
    assert "| 120 | 0 | **1** | - |" in bad


def test_the_summary_has_one_bound_for_all_trials_of_a_fault_and_each_variant_its_own() -> None:
    text = page([record(), record(variant="another", trials=940, is_long=True)])
    (total,) = rows_of(text, "| [1](#fault-1) |")
    assert total == f"| [1](#fault-1) | {FAULTS[1].what} | {FAULTS[1].must} | 1,000 | 0 | 0 | 0.3 % | long and short |"
    assert [row.split(" | ")[1:6] for row in rows_of(text, "| another |") + rows_of(text, "| - |")] == [
        ["940", "0", "0", "0.32 %", "long"],
        ["60", "0", "0", "4.9 %", "short"],
    ]


def test_a_variant_tells_of_the_trials_that_the_fault_passed_by() -> None:
    (row,) = rows_of(page([record(seen={"caught by": {"a check": 60}}, missed=3)]), "| - |")
    assert "| caught by: a check 60; passed by, and not counted: 3 | [test_x](../tests/faults/test_x.py) |" in row


def test_the_machine_is_named_once_unless_there_were_several() -> None:
    assert page([record(), record(2)]).count("2 cores of a processor, 8 GiB") == 1
    text = page([record(), record(2, machine={**MACHINE, "cores": 4})])
    assert all("cores of a processor" in row for row in rows_of(text, "| - |"))


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


def test_a_trial_that_the_fault_passed_by_is_not_counted_and_another_is_made(records: Any) -> None:
    with scored(1) as tally:
        for number in tally.each():
            if number % 3 == 0:
                tally.miss()
    (line,) = [json.loads(text) for text in records.read_text().splitlines()]
    assert (line["trials"], line["missed"]) == (60, 30)


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


def miss_every_trial() -> None:
    with scored(1) as tally:
        for _ in tally.each():
            tally.miss()


@pytest.mark.usefixtures("records")
def test_a_fault_that_passes_every_trial_by_fails() -> None:
    with pytest.raises(AssertionError, match="only 0 of 60"):
        miss_every_trial()


def test_a_run_that_makes_too_few_trials_fails(records: Any) -> None:
    with pytest.raises(AssertionError, match="only 0 of 60"), scored(1):
        pass
    assert records.exists()


def test_the_page_is_that_of_its_data_and_nothing_on_it_went_wrong() -> None:
    records = read_records(DATA)
    assert PAGE.read_text() == page(records)
    assert [one for one in records if one["bad_accepted"] or one["lost"]] == []
