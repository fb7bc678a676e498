"""Real looks of the watchdog through an outage and a broken fleet file: a handful of notices, and the right ones."""

from datetime import timedelta

from fleetsave.model.keys import FLEET_KEY
from fleetsave.notices.ports import NoticePorts
from fleetsave.notices.room import tell
from tests.fakes.channels import RecordingChannel
from tests.unit.prune.bucket import FLEET_TEXT, NOW
from tests.unit.watchdog.world import ALPHA, FLEET, HOUR, QUARTER, TOP, World

_OUTAGE = (timedelta(hours=3), timedelta(hours=9))
_BROKEN = (timedelta(hours=10), timedelta(hours=11))


def test_an_outage_of_six_hours_and_a_broken_fleet_file_are_five_notices() -> None:
    world, channel = World().healthy(), RecordingChannel()
    told: list[tuple[timedelta, str]] = []
    since = timedelta(0)
    while since <= timedelta(hours=14):
        _live(world, since)
        report = world.look()
        before = len(channel.notices)
        tell(report, NoticePorts(world.bucket.store, [channel]), report.looked_at)
        told += [(since, subject) for subject in channel.subjects[before:]]
        since += QUARTER
    assert told == [
        (timedelta(0), "[INFO] summary: 3 of 3 artifacts within target, nothing is open"),
        (timedelta(hours=4), "[WARNING] alpha: a backup was not taken"),
        (timedelta(hours=4, minutes=45), "[CRITICAL] alpha: no verified backup that is new enough"),
        (timedelta(hours=9, minutes=45), "[OK] alpha: over after 6 h: a backup was not taken (+1 more)"),
        (timedelta(hours=10), "[CRITICAL] the fleet: the fleet file is missing or wrong"),
        (timedelta(hours=11, minutes=15), "[OK] the fleet: over after 1 h: the fleet file is missing or wrong"),
    ]


def _live(world: World, since: timedelta) -> None:
    """Set the clocks, and let happen what happens at that time since NOW: hourly backups, an outage, a broken fleet file."""
    now = NOW + since
    world.bucket.clock.now = now
    is_broken = _BROKEN[0] <= since < _BROKEN[1]
    world.bucket.store.put(FLEET_KEY, b"version: 9" if is_broken else FLEET_TEXT.encode())
    if now.minute == 0:
        for artifact_id in FLEET:
            if artifact_id != ALPHA or not _OUTAGE[0] <= since < _OUTAGE[1]:
                world.put((TOP - now) / HOUR, artifact_id=artifact_id)
    world.bucket.clock.now = now
