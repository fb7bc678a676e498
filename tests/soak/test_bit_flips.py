"""The published figure for bit flips in stored objects: how many were made, and how many verify accepted."""

import random
from pathlib import Path

import pytest

from fleetsave.model.kinds import Compression
from tests.fixtures.damage import flip_bits
from tests.soak.figures import record

TRIALS = 100


@pytest.mark.soak
@pytest.mark.parametrize("compression", list(Compression))
def test_no_bit_flip_in_a_stored_object_is_accepted(tmp_path: Path, compression: Compression) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    tally = flip_bits(tmp_path, compression, trials=TRIALS, seed=seed, players=10_000)
    figures: dict[str, object] = {
        "trials": tally.trials,
        "accepted": tally.accepted,
        "caught first by": dict(tally.caught_by),
    }
    if compression is Compression.NONE:
        figures["integrity_check alone would have accepted"] = tally.accepted_by_integrity_check_alone
    record(f"bit flips in stored objects ({compression})", seed=seed, **figures)
    assert (tally.trials, tally.accepted) == (TRIALS, 0)
