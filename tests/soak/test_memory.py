"""The published figure for collect's memory: the same for a small and for a large database."""

import os

import pytest

from fleetsave.local import game
from tests.fixtures.collecting import Collecting
from tests.soak.figures import record

SMALL, LARGE = 64, int(os.environ.get("FLEETSAVE_SOAK_MEGABYTES", "2048"))
MOST = 200_000_000
LARGEST_DIFFERENCE = 30_000_000

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


def test_memory_does_not_grow_with_the_database(collecting: Collecting) -> None:
    small, seconds_small = peak_and_seconds(collecting, SMALL)
    large, seconds_large = peak_and_seconds(collecting, LARGE)
    record(
        "collect's peak memory",
        small_database_megabytes=SMALL,
        large_database_megabytes=LARGE,
        peak_megabytes_for_small=round(small / 1e6, 1),
        peak_megabytes_for_large=round(large / 1e6, 1),
        seconds_for_small=round(seconds_small, 1),
        seconds_for_large=round(seconds_large, 1),
    )
    assert max(small, large) < MOST
    assert abs(large - small) < LARGEST_DIFFERENCE


def peak_and_seconds(collecting: Collecting, megabytes: int) -> tuple[int, float]:
    """Return the peak memory of one run in bytes, and how long it took."""
    game.create(collecting.database, "delete", world_megabytes=megabytes)
    assert collecting.database.stat().st_size > megabytes << 20
    job = collecting.next_job()
    (report,) = collecting.run_to_the_end(job)
    assert report.outcome == "Stored"
    collecting.database.unlink()
    collecting.forget(job)
    return report.peak_rss_bytes, report.seconds
