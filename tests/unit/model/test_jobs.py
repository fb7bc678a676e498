"""A job reads from a message as it was written, and nothing that is no job is taken for one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.jobs import MAXIMUM_REPAIRS, Job
from fleetsave.model.keys import ArtifactId
from fleetsave.model.kinds import Kind
from fleetsave.model.slots import Slot
from tests.unit.model.test_keys import artifacts, slots

JOB = Job(ArtifactId("server_001", Kind.DATABASE, "database"), Slot.parse("20240101_120000"))
BODY: dict[str, Any] = json.loads(JOB.to_json())

jobs = st.builds(
    Job, artifacts, slots, st.none() | st.text(max_size=50), st.integers(0, MAXIMUM_REPAIRS), st.integers(0, 1000),
    st.booleans(),
)  # fmt: skip


@given(jobs)
def test_a_job_reads_as_it_was_written(job: Job) -> None:
    assert Job.from_json(job.to_json()) == job


def test_jobs_that_ask_for_the_same_work_have_one_identity() -> None:
    assert JOB.identity == Job(JOB.artifact_id, JOB.slot, source_path="/srv/a.db").identity
    others = [
        Job(JOB.artifact_id, JOB.slot, repair=1),
        Job(JOB.artifact_id, JOB.slot, hop=1),
        Job(JOB.artifact_id, JOB.slot.repair(60)),
        Job(JOB.artifact_id, JOB.slot, sweep=True),
    ]
    assert len({JOB.identity, *(other.identity for other in others)}) == 5


def test_a_message_of_an_earlier_version_is_still_read() -> None:
    before_sweeps = {name: value for name, value in BODY.items() if name != "sweep"}
    assert Job.from_json(json.dumps(before_sweeps)) == JOB
    assert Job.from_json(json.dumps(BODY | {"next_due_at": "2024-01-01T13:00:00Z"})) == JOB


def test_a_repair_is_stored_under_its_own_slot() -> None:
    assert Job(JOB.artifact_id, JOB.slot, repair=1).stored_slot.text == "20240101_120001"


@pytest.mark.parametrize(
    "change",
    [
        {"server_id": "../etc"},
        {"server_id": "central"},
        {"server_id": None},
        {"kind": "everything"},
        {"kind": "postgresql"},
        {"artifact": "a/b"},
        {"artifact": 7},
        {"slot": "now"},
        {"slot": "2024-01-01T12:00:00Z"},
        {"repair": -1},
        {"repair": MAXIMUM_REPAIRS + 1},
        {"repair": "x"},
        {"hop": -1},
        {"source_path": 7},
        {"sweep": "perhaps"},
    ],
)
def test_a_message_with_a_wrong_value_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        Job.from_json(json.dumps(BODY | change))


@pytest.mark.parametrize("body", ["", "null", "[]", "{}", "{", '"text"', json.dumps({"server_id": "a"})])
def test_what_is_no_message_is_refused(body: str) -> None:
    with pytest.raises(InvalidInputError, match="read job"):
        Job.from_json(body)


def test_a_servers_jobs_are_one_group_and_its_safety_jobs_another() -> None:
    other = Job(ArtifactId("server_001", Kind.FILES, "files"), JOB.slot)
    safety = Job(JOB.artifact_id.safety, JOB.slot)
    assert JOB.group == other.group == "server_001"
    assert safety.group == Job(other.artifact_id.safety, JOB.slot).group == "server_001/safety"
    assert safety.identity != JOB.identity


@given(jobs)
def test_no_job_shares_a_group_with_another_servers(job: Job) -> None:
    assert job.group.partition("/")[0] == job.artifact_id.server_id
