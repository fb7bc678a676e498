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
            {"id": "bare", "ssh": SSH, "files": [{"path": "/srv/a"}], "logs": [{"path": "/var/log/a"}], "full": {}},
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


def test_files_logs_and_whole_servers_are_each_due_by_their_own_schedule() -> None:
    jobs = [job for kind in (Kind.FILES, Kind.FULL) for job in dispatch(kind, SLOT, fleet=FLEET, queue=RecordingQueue())]
    assert [job.identity for job in jobs] == [
        "bare/files/files/20240101_120000/0",
        "bare/files/logs/20240101_120000/0",
        "bare/full/full/20240101_120000/0",
    ]


def test_a_kind_that_no_server_has_gives_no_job() -> None:
    assert dispatch(Kind.POSTGRESQL, SLOT, fleet=FLEET, queue=RecordingQueue()) == []
