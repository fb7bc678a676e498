"""Jobs go through messages unchanged, and a rejected backup's slot is captured again a few times only."""

from dataclasses import replace
from pathlib import Path

import pytest

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.jobs import MAXIMUM_REPAIRS, Job
from fleetsave.model.records import StoredRecord
from tests.fixtures.stored_backups import DATABASE, NOON, Room, make_database


@pytest.fixture
def stored(tmp_path: Path) -> StoredRecord:
    room = Room(tmp_path)
    return room.catalog.stored(room.put_database(make_database(tmp_path / "a.db", players=1)))


def test_a_job_survives_its_message() -> None:
    job = Job(DATABASE, NOON, "/srv/a b.db", repair=2, hop=7)
    assert Job.from_json(job.to_json()) == job


@pytest.mark.parametrize("body", ["", "{}", "[]", Job(DATABASE, NOON, repair=4).to_json(), Job(DATABASE, NOON, hop=-1).to_json()])
def test_what_is_no_job_is_refused(body: str) -> None:
    with pytest.raises(InvalidInputError):
        Job.from_json(body)


def test_a_repair_keeps_slot_and_path_and_is_stored_a_second_later(stored: StoredRecord) -> None:
    job = Job.again(stored)
    assert job == Job(DATABASE, NOON, stored.source_path, repair=1)
    assert job is not None
    assert job.stored_slot == NOON.repair(1)
    assert Job.from_json(job.to_json()) == job


def test_a_repair_of_a_repair_goes_back_to_the_same_slot(tmp_path: Path) -> None:
    room = Room(tmp_path)
    database = make_database(tmp_path / "a.db", players=1)
    for repair in range(MAXIMUM_REPAIRS):
        job = Job.again(room.catalog.stored(room.put_database(database, repair=repair)))
        assert job == Job(DATABASE, NOON, job.source_path if job else None, repair=repair + 1)
        assert job is not None


@pytest.mark.parametrize("repair", [MAXIMUM_REPAIRS, MAXIMUM_REPAIRS + 1, -1])
def test_there_is_no_repair_beyond_the_last(stored: StoredRecord, repair: int) -> None:
    assert Job.again(replace(stored, repair=repair)) is None
