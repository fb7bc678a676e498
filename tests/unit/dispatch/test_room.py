"""Dispatch queues one job for every artifact that is due."""

from datetime import UTC, datetime

from fleetsave.dispatch.room import dispatch
from fleetsave.model.fleet import Fleet
from fleetsave.model.kinds import Kind
from fleetsave.model.slots import Slot
from tests.fakes.job_queue import RecordingQueue

SLOT = Slot(datetime(2024, 1, 1, 12, tzinfo=UTC))
SSH = {"host": "localhost", "user": "backup", "host_keys": ["ssh-ed25519 AAAA"], "key_secret": "fleetsave/ssh/read-default"}
FLEET = Fleet.model_validate(
    {
        "servers": [
            {"id": "alpha", "ssh": SSH, "databases": [{"path": "/srv/a.db"}, {"name": "worlds", "path": "/srv/worlds/*.db"}]},
            {"id": "beta", "ssh": SSH, "databases": [{"path": "/srv/b.db"}]},
            {"id": "bare", "ssh": SSH},
        ]
    }
)


def test_every_database_of_every_server_gets_one_job_for_the_slot() -> None:
    queue = RecordingQueue()
    jobs = dispatch(Kind.DATABASE, SLOT, fleet=FLEET, queue=queue)
    assert queue.jobs == jobs
    assert [job.identity for job in jobs] == [
        "alpha/database/database/20240101_120000/0",
        "alpha/database/worlds/20240101_120000/0",
        "beta/database/database/20240101_120000/0",
    ]


def test_a_kind_that_no_server_has_gives_no_job() -> None:
    assert dispatch(Kind.FILES, SLOT, fleet=FLEET, queue=RecordingQueue()) == []
