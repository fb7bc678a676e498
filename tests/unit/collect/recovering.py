"""A recovery of server_001 in a world's store."""

from dataclasses import dataclass
from datetime import datetime

from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.kinds import Kind
from fleetsave.model.recoveries import Recovery
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import Progress, RecoveryRecord, RecoveryRequest, RecoveryState
from tests.unit.collect.world import World

REQUEST = RecoveryRequest("server_001", Kind.DATABASE, "server_001", "a test", "0" * 64)


@dataclass
class UnderWay:
    """A recovery that has begun, told of by the world's clock."""

    world: World
    recovery: Recovery

    @property
    def id(self) -> RecoveryId:
        return self.recovery.id

    def reach(self, state: RecoveryState) -> None:
        record = RecoveryRecord(str(self.id), state, self.world.now, "", "0")
        self.recovery = Recoveries(self.world.store).append(self.recovery, record)

    def make_progress(self) -> None:
        Recoveries(self.world.store).save_progress(self.id, Progress(str(self.id), self.world.now, 1, 2))


def begin(world: World, *, at: datetime | None = None) -> UnderWay:
    """Begin a recovery, at the world's time unless it says otherwise."""
    return UnderWay(world, Recoveries(world.store).begin(REQUEST, at or world.now).recovery)
