"""What an ending could not do, and could do without, is told all the same."""

import pytest

from fleetsave.model.recoveries import Status
from tests.fakes.restorer import failed
from tests.unit.recover.test_room_failures import BROKEN, lost
from tests.unit.recover.world import BEFORE, OLD, World


def test_a_game_that_cannot_be_stopped_for_the_roll_back_is_told_of() -> None:
    world = World(hooks=True)
    world.server.bad_findings["verify"] = failed("integrity")
    recovery = world.ask()
    world.server.fail("verify", lost(), after=False)
    world.on_pause = lambda: world.server.hooks.update({BEFORE: BROKEN})
    recovery = world.run_to_the_end(recovery)
    assert world.status(recovery) is Status.ROLLED_BACK
    assert world.server.target == OLD
    assert "could not be stopped" in recovery.records[-1].detail


def test_what_cannot_be_removed_from_the_server_is_logged_by_its_name(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.server.fail("clean_up", lost(), times=4)
    recovery = world.run_to_the_end(world.ask())
    assert world.status(recovery) is Status.RECOVERED
    assert f".fleetsave-{recovery.id} beside /srv/game/world.db on server_001" in caplog.text
