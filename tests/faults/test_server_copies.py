"""Fault 8: a capture that copies the live file instead of asking SQLite: verify refuses it, unless it happens to be whole.

Each copy gets the fingerprint of a real capture that was taken right before it, and a record whose digests are its own. One whose
content is that of the capture is no mutant, and another takes its place.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest

from fleetsave.local.game import check_game, last_payment
from fleetsave.model.keys import RecordName
from tests.fakes.memory_store import MemoryStore
from tests.faults.scoring import FINISHES, scored
from tests.fixtures.captures import Capturing
from tests.fixtures.game import running_game
from tests.soak.test_mutants import CHECKS, copy, judge, passes_integrity_check, wait_for_payments


@FINISHES
@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
@pytest.mark.parametrize("suffixes", [("",), ("", "-wal", "-journal")], ids=["alone", "with its journal"])
def test_no_copy_of_a_live_file_is_verified(
    capturing: Capturing, tmp_path: Path, journal_mode: str, suffixes: Sequence[str]
) -> None:
    mode = "rollback journal" if journal_mode == "delete" else "WAL"
    torn = content_with = identical = 0
    with (
        scored(8, f"{mode}, the main file {'with its journal' if len(suffixes) > 1 else 'alone'}", share=4) as tally,
        running_game(tmp_path / "a game.db", journal_mode=journal_mode, world_megabytes=2) as game,
    ):
        for number in tally.each():
            while True:
                capture = capturing.take(game.path, checks=CHECKS)
                payments = last_payment(capture.path)
                wait_for_payments(game, payments, tally.chance)
                mutant = copy(capturing, game, suffixes, tmp_path)
                plain, fingerprint = capture.path.read_bytes(), capture.report.fingerprint
                capture.path.unlink()
                problems = check_game(mutant)
                if problems or last_payment(mutant) != payments:
                    break
                identical += 1
            torn += bool(problems)
            content_with += passes_integrity_check(mutant)
            outcome = judge(MemoryStore(minimum_part_size=1), mutant.read_bytes(), fingerprint, tmp_path, number)
            if outcome.verdict is not RecordName.REJECTED:
                tally.accepted(f"{outcome.verdict}: {problems or 'whole, but of another moment'}")
        faithful = judge(MemoryStore(minimum_part_size=1), plain, fingerprint, tmp_path, 0)
        tally.seen |= {
            "torn": torn, "whole, but of another moment": tally.made - torn,
            "integrity_check alone would have accepted": content_with, "equal to the capture, and not counted": identical,
        }  # fmt: skip
    assert faithful.verdict is RecordName.VERIFIED, "a faithful capture must pass, else the trials prove nothing"
