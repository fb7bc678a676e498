"""Requests for one server at the same moment, on real S3 servers: one recovery, whatever the store can promise."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Barrier

import pytest

from fleetsave.api.ports import ApiPorts
from fleetsave.api.requests import RecoveryBody
from fleetsave.api.room import Asked, begin_recovery
from fleetsave.catalog.recoveries import Recoveries
from fleetsave.local.emulator import ADMIN_KEY, Emulator
from fleetsave.local.seaweedfs import SeaweedFS
from fleetsave.model.errors import RecoveryRefusedError
from fleetsave.model.recoveries import Reason
from fleetsave.model.recovery_records import RecoveryState
from fleetsave.store.s3 import S3Store
from tests.fixtures.stores import emulator_client
from tests.unit.api.world import MISSION, World

AT_ONCE = 6
ROUNDS = 3
BODY = RecoveryBody.model_validate(MISSION)


@dataclass
class Shop:
    """A world on one store, and whether that store decides between two writers."""

    world: World
    conditional_writes: bool

    def ask_at_once(self, keys: list[str | None]) -> list[str]:
        """Ask once for each key, all at the same moment; return the recoveries begun or replayed, and the refusals' reasons."""
        barrier = Barrier(len(keys))

        def ask(key: str | None) -> str:
            ports = ApiPorts(
                self.world.store,
                self.world.catalog,
                Recoveries(self.world.store, conditional_writes=self.conditional_writes),
                self.world.queue,
                lambda: datetime.now(UTC),
            )
            barrier.wait()
            try:
                return str(begin_recovery(BODY, Asked("arn:aws:iam::123456789012:user/operator", key), ports).recovery.id)
            except RecoveryRefusedError as error:
                return error.reason

        with ThreadPoolExecutor(len(keys)) as pool:
            return list(pool.map(ask, keys))


@pytest.fixture(scope="module", params=["seaweedfs", "seaweedfs_conditional", "emulator"])
def shop(request: pytest.FixtureRequest) -> Shop:
    name: str = request.param
    bucket = f"at-once-{name.replace('_', '-')}"
    if name == "emulator":
        emulator: Emulator = request.getfixturevalue("emulator_server")
        emulator.client("s3").create_bucket(Bucket=bucket)
        client = emulator_client(emulator, ADMIN_KEY, ADMIN_KEY)
    else:
        server: SeaweedFS = request.getfixturevalue("seaweedfs_server")
        server.create_bucket(bucket)
        client = server.client()
    conditional = name != "seaweedfs"
    return Shop(World(S3Store(client, bucket, conditional_writes=conditional)), conditional_writes=conditional)


@pytest.mark.parametrize("_", range(ROUNDS))
def test_of_requests_at_the_same_moment_one_is_granted(shop: Shop, _: int) -> None:
    sent = len(shop.world.queue.jobs)
    answers = shop.ask_at_once([None] * AT_ONCE)
    granted = [answer for answer in answers if answer != Reason.RECOVERY_RUNNING]
    # Without conditional writes all may see one another and step back: to be asked again, never two at work.
    assert len(granted) in ({1} if shop.conditional_writes else {0, 1})
    assert [str(job.recovery_id) for job in shop.world.queue.jobs[sent:]] == granted
    begun = [one for one in shop.world.recoveries.listed("server_001") if not one.is_finished]
    assert [str(one.id) for one in begun] == granted
    for recovery_id in granted:
        shop.world.step(recovery_id, RecoveryState.FAILED)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_one_request_sent_many_times_at_once_is_one_recovery(shop: Shop, number: int) -> None:
    answers = shop.ask_at_once([f"key-{number}"] * AT_ONCE)
    granted = {answer for answer in answers if answer != Reason.RECOVERY_RUNNING}
    if shop.conditional_writes:
        assert len(granted) == 1
        assert Reason.RECOVERY_RUNNING not in answers
    assert len(granted) <= 1
    again = shop.ask_at_once([f"key-{number}"])
    assert granted <= set(again)
    shop.world.step(again[0], RecoveryState.FAILED)
