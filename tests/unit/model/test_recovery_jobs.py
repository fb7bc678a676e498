"""A message of the recover queue reads as it was written, and nothing else is taken for one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.recovery_jobs import Cause, RecoveryJob
from fleetsave.model.recovery_keys import RecoveryId
from tests.unit.model.test_keys import recovery_ids

JOB = RecoveryJob(RecoveryId("server_001", 17))
BODY: dict[str, Any] = json.loads(JOB.to_json())
jobs = st.builds(RecoveryJob, recovery_ids, st.sampled_from(Cause), st.integers(0, 10_000))


@given(jobs)
def test_a_job_reads_as_it_was_written(job: RecoveryJob) -> None:
    assert RecoveryJob.from_json(job.to_json()) == job


@given(jobs, jobs)
def test_two_jobs_have_one_identity_only_if_they_are_the_same(one: RecoveryJob, other: RecoveryJob) -> None:
    assert (one.identity == other.identity) == (one == other)


def test_a_message_of_another_cause_is_never_taken_for_the_first() -> None:
    assert len({RecoveryJob(JOB.recovery_id, cause).identity for cause in Cause}) == len(Cause)


def test_cause_and_hop_may_be_left_out() -> None:
    assert RecoveryJob.from_json('{"recovery_id": "server_001.000017"}') == JOB


@pytest.mark.parametrize(
    "change",
    [
        {"recovery_id": "server_001"},
        {"recovery_id": "server_001.17"},
        {"recovery_id": "../x.000017"},
        {"recovery_id": "server_001.000000"},
        {"recovery_id": None},
        {"cause": "because"},
        {"hop": -1},
        {"hop": "many"},
    ],
)
def test_what_is_no_recovery_job_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        RecoveryJob.from_json(json.dumps(BODY | change))


@pytest.mark.parametrize("body", ["", "null", "[]", "{}", "{", "\0", '"server_001.000017"'])
def test_what_is_no_message_is_refused(body: str) -> None:
    with pytest.raises(InvalidInputError, match="read recovery job"):
        RecoveryJob.from_json(body)
