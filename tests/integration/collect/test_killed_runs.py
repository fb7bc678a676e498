"""Collect, killed at any moment and run again, leaves one whole backup and nothing else; two snapshots are never spliced."""

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest

from fleetsave.catalog.fleet_file import read_fleet
from fleetsave.model.jobs import Job
from fleetsave.sources.sqlite import source
from fleetsave.sources.sqlite.names import snapshot_name
from fleetsave.transports.ssh import SshTransport
from tests.fixtures.collecting import Collecting, key_of
from tests.fixtures.game import RunningGame, running_game
from tests.fixtures.killing import KillPoint, kill_points

MEGABYTES = 32
POINTS = 3
MOST_MEMORY = 200_000_000
# Killed here, the next run finds the backup stored; it must clear away all the same.
RECORD_WRITTEN = KillPoint(-2, after=True)


@pytest.fixture(scope="module")
def game(collecting: Collecting) -> Iterator[RunningGame]:
    with running_game(collecting.database, rate=100, world_megabytes=MEGABYTES) as game:
        yield game


def test_a_run_that_is_killed_is_taken_up_again(collecting: Collecting, game: RunningGame) -> None:
    undisturbed = collecting.next_job()
    (report,) = collecting.run_to_the_end(undisturbed)
    assert report.peak_rss_bytes < MOST_MEMORY
    record = collecting.require_whole(undisturbed)
    assert len(record.parts) > MEGABYTES // 10
    for point in [*kill_points(report.store_calls, POINTS), RECORD_WRITTEN]:
        job, acknowledged = collecting.next_job(), game.acknowledged
        assert collecting.run(job, **point.settings(report.store_calls)) is None, point
        collecting.run_to_the_end(job)
        collecting.require_whole(job, at_least=acknowledged)


def test_a_run_near_its_deadline_hands_on_and_the_object_is_one_file_to_zstd(collecting: Collecting, game: RunningGame) -> None:
    job, acknowledged = collecting.next_job(), game.acknowledged
    reports = collecting.run_to_the_end(job, pause_after_parts=1)
    assert [report.outcome for report in reports] == ["HandedOn"] * (len(reports) - 1) + ["Stored"]
    assert len(reports) > 2
    record = collecting.require_whole(job, at_least=acknowledged)
    assert record.stored_sha256 is None, "no single run saw all of it"
    stored = collecting.folder / "backup.db.zst"
    stored.write_bytes(b"".join(collecting.store.read(key_of(job).text)))
    plain = subprocess.run(["zstd", "-dc", stored], capture_output=True, check=True).stdout
    assert hashlib.sha256(plain).hexdigest() == record.plain_sha256


@pytest.mark.parametrize("fate", ["vanished", "replaced"])
def test_two_snapshots_are_never_spliced(collecting: Collecting, game: RunningGame, fate: str) -> None:
    job = collecting.next_job()
    report = collecting.run(job, pause_after_parts=2)
    assert report is not None
    assert report.outcome == "HandedOn"
    digest = snapshot_digest(collecting, job)
    for file in collecting.staging.iterdir():
        file.unlink()
    acknowledged = game.acknowledged
    game.process.wait_until(lambda: game.acknowledged > acknowledged)
    if fate == "replaced":
        put_another_snapshot_there(collecting, job)
        assert snapshot_digest(collecting, job) != digest
    (following,) = report.queued
    reports = collecting.run_to_the_end(Job.from_json(following))
    assert len(reports) == 1
    record = collecting.require_whole(job, at_least=acknowledged)
    assert record.plain_sha256 != digest
    assert record.stored_sha256 is not None, "it was begun anew"


def snapshot_digest(collecting: Collecting, job: Job) -> str:
    name = snapshot_name(job.artifact_id, job.stored_slot)
    return hashlib.sha256((collecting.staging / f"{name}.db").read_bytes()).hexdigest()


def put_another_snapshot_there(collecting: Collecting, job: Job) -> None:
    """Freeze the database as it is now, under the same name."""
    found = read_fleet(collecting.store).find(job.artifact_id)
    assert found is not None
    server, database = found
    assert server.ssh is not None
    name = snapshot_name(job.artifact_id, job.stored_slot)
    with closing(SshTransport(server.ssh, collecting.ssh.private_key)) as transport:
        source.capture(transport, server, database, database.path, name, scratch=collecting.folder)
