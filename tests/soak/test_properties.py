"""The published figure for hypothesis: how many examples each property of keys and of retention has held for."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.soak.figures import record

EXAMPLES = int(os.environ.get("FLEETSAVE_SOAK_EXAMPLES", "1000"))
PROJECT = Path(__file__).resolve().parents[2]
_PROPERTY = re.compile(r"^tests/\S+::(\w+):$")
_PASSING = re.compile(r"(\d+) passing, 0 failing")

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


@pytest.mark.parametrize("subject", ["keys", "retention"])
def test_every_property_holds_for_a_thousand_examples(subject: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "--timeout", "0", "--hypothesis-show-statistics"]
    done = subprocess.run(
        [*command, f"tests/unit/model/test_{subject}.py"],
        cwd=PROJECT,
        env={**os.environ, "FLEETSAVE_HYPOTHESIS_EXAMPLES": str(EXAMPLES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    examples = examples_by_property(done.stdout)
    record(f"hypothesis: {subject}", properties=len(examples), least_examples=min(examples.values()), examples=examples)
    assert min(examples.values()) >= EXAMPLES


def examples_by_property(statistics: str) -> dict[str, int]:
    """Return how many examples passed for each property, from hypothesis's own statistics."""
    found: dict[str, int] = {}
    name = ""
    for line in statistics.splitlines():
        if heading := _PROPERTY.match(line):
            name = heading[1]
            found[name] = 0
        elif passing := _PASSING.search(line):
            found[name] += int(passing[1])
    return found
