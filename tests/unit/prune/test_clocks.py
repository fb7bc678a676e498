"""The clocks are compared again at every server, for a run takes minutes."""

from datetime import timedelta

import pytest

from fleetsave.model.errors import PruneRefusedError
from fleetsave.prune.clocks import Clocks
from tests.unit.prune.bucket import NOW, Bucket


def test_the_earlier_of_two_clocks_counts_at_every_look() -> None:
    bucket, seconds = Bucket(), 0.0
    clocks = Clocks(bucket.store, NOW + timedelta(seconds=30), lambda: seconds)
    assert clocks.agreed().at == NOW
    seconds = 60.0
    bucket.clock.now = NOW + timedelta(seconds=120)
    look = clocks.agreed()
    assert (look.at, look.by_store) == (NOW + timedelta(seconds=90), NOW + timedelta(seconds=120))


@pytest.mark.parametrize("jump", [timedelta(days=40), timedelta(minutes=-6)])
def test_a_clock_that_is_set_while_a_run_goes_on_ends_it(jump: timedelta) -> None:
    bucket = Bucket()
    clocks = Clocks(bucket.store, NOW)
    clocks.agreed()
    bucket.clock.now = NOW + jump
    with pytest.raises(PruneRefusedError, match="too far apart"):
        clocks.agreed()
