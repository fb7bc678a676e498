"""Counting what came of injected faults: trials, what was bad and accepted, what was lost.

A test of a fault asks `scored(number)` for a tally and makes `tally.trials` trials: about SHORT_TRIALS in `make test`, as many
as the table says in `make soak`, which sets FLEETSAVE_FAULTS=long. What it saw is appended to .local/faults.jsonl, from which
`python -m tests.faults.score` writes docs/fault-score.md.
"""

import json
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faults.table import FAULTS, Fault
from tests.soak.figures import machine

SHORT_TRIALS = 60
_MOST_TRIES = 10
"""So many times as many trials as are wanted may be tried, for those that the fault passed by."""
IS_LONG = os.environ.get("FLEETSAVE_FAULTS") == "long"
FINISHES = pytest.mark.timeout(0 if IS_LONG else 600)
"""What a test of a fault is marked with: a short run that hangs is ended, a long one may take its hours."""
RECORDS = Path(__file__).resolve().parents[2] / ".local" / "faults.jsonl"


@dataclass
class Tally:
    """What is seen of one fault; `variant` tells apart the ways of one row, `chance` is the only source of randomness."""

    fault: Fault
    variant: str
    trials: int
    seed: int
    chance: random.Random
    made: int = 0
    missed: int = 0
    bad_accepted: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    seen: dict[str, object] = field(default_factory=dict)

    def each(self) -> Iterator[int]:
        """Yield a number for each trial, from 0, and count it once it is done, unless it was missed."""
        for number in range(self.trials * _MOST_TRIES):
            if self.made == self.trials:
                return
            missed = self.missed
            yield number
            self.made += self.missed == missed

    def miss(self) -> None:
        """Note that the fault passed the trial by, which is not counted then: `each` yields another."""
        self.missed += 1

    def accepted(self, what: str) -> None:
        """Note that something bad passed for good."""
        self.bad_accepted.append(what)

    def lose(self, what: str) -> None:
        """Note that something that should be there is not."""
        self.lost.append(what)


@contextmanager
def scored(number: int, variant: str = "", *, share: int = 1, trials: int | None = None) -> Iterator[Tally]:
    """Lend a tally of fault `number`, keep it, and fail unless every trial was made with nothing bad accepted and nothing lost.

    `share` divides the row's trials among that many variants; `trials` sets them where the fault itself does ("every call").
    FLEETSAVE_FAULT_SEED makes chance repeat itself.
    """
    fault = FAULTS[number]
    wanted = trials if trials is not None else -(-fault.trials // share)
    if not IS_LONG:
        wanted = min(wanted, -(-SHORT_TRIALS // share))
    seed = int(os.environ.get("FLEETSAVE_FAULT_SEED") or random.SystemRandom().randrange(1 << 32))
    tally = Tally(fault, variant, wanted, seed, random.Random(seed))
    yield tally
    _keep(tally)
    told = f"fault {number} {variant}, seed {tally.seed}"
    assert not tally.bad_accepted, f"{told}: {len(tally.bad_accepted)} bad accepted: {tally.bad_accepted[:5]}"
    assert not tally.lost, f"{told}: {len(tally.lost)} lost: {tally.lost[:5]}"
    assert tally.made >= wanted, f"{told}: only {tally.made} of {wanted} trials were made"


def _keep(tally: Tally) -> None:
    line = {
        "number": tally.fault.number,
        "variant": tally.variant,
        "trials": tally.made,
        "bad_accepted": len(tally.bad_accepted),
        "lost": len(tally.lost),
        "missed": tally.missed,
        "seed": tally.seed,
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "is_long": IS_LONG,
        "seen": tally.seen,
        "machine": machine(),
        "test": os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[0],
    }
    RECORDS.parent.mkdir(exist_ok=True)
    with RECORDS.open("a") as lines:
        lines.write(json.dumps(line) + "\n")
