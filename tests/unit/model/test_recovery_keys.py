"""Ids and keys of recoveries parse to what they were built from, and nothing else parses."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.recovery_keys import (
    RecoveryId,
    idempotency_key,
    is_beside_recoveries,
    parse_recovery_key,
    recoveries_prefix,
    recovery_claim_key,
    recovery_claims_prefix,
    recovery_progress_key,
)
from tests.unit.model.test_keys import EXAMPLES, recovery_ids


@given(recovery_ids)
@EXAMPLES
def test_a_recovery_id_parses_to_what_it_was_built_from(recovery_id: RecoveryId) -> None:
    assert RecoveryId.parse(str(recovery_id)) == recovery_id


@given(recovery_ids, st.integers(1, 999), st.sampled_from(["requested", "cancel_requested"]))
@EXAMPLES
def test_the_key_of_a_recoverys_record_parses_to_its_parts(recovery_id: RecoveryId, number: int, state: str) -> None:
    key = recovery_id.record_key(number, state)
    assert parse_recovery_key(key) == (recovery_id, number, state)
    assert key.startswith(recovery_id.prefix)
    assert key.startswith(recoveries_prefix(recovery_id.server_id))
    assert key.startswith(recoveries_prefix())
    assert not is_beside_recoveries(key)


@given(recovery_ids, recovery_ids)
@EXAMPLES
def test_no_servers_recoveries_lie_under_anothers_prefix(one: RecoveryId, other: RecoveryId) -> None:
    assert one.prefix.startswith(recoveries_prefix(other.server_id)) == (one.server_id == other.server_id)


def test_recoveries_of_a_server_sort_by_their_number() -> None:
    made = [RecoveryId("server_001", number) for number in (1, 9, 10, 999_999)]
    assert sorted(made) == made
    assert sorted(made, key=str) == made


@pytest.mark.parametrize(
    "text",
    [
        "", "server_001", "server_001.", "server_001.1", "server_001.0000001", "server_001.000000", "server_001.-00001",
        "SERVER.000001", "../x.000001", "a/b.000001", "a.b.000001", "server_001.000001 ", "server_001.000001\n",
        "server_001.00000\uff17", "server\0.000001", "." * 7, "%2e.000001",
    ],
)  # fmt: skip
def test_what_is_no_recovery_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        RecoveryId.parse(text)


@pytest.mark.parametrize("number", [0, -1, 1_000_000])
def test_a_number_that_has_not_six_digits_is_refused(number: int) -> None:
    with pytest.raises(InvalidInputError):
        RecoveryId("server_001", number)


@pytest.mark.parametrize(
    "key",
    [
        "recoveries/server_001.000001/1-requested.json",
        "recoveries/server_001.000001/001-REQUESTED.json",
        "recoveries/server_001.000001/001-requested.json.zst",
        "recoveries/server_001.000001/x/001-requested.json",
        "recoveries/server_001/001-requested.json",
        "recoveries/idempotency/001-requested.json",
        "catalog/server_001.000001/001-requested.json",
        "x/recoveries/server_001.000001/001-requested.json",
        "recoveries/server_001.000001/001-requested.json\n",
    ],
)
def test_what_is_no_key_of_a_recoverys_record_is_refused(key: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_recovery_key(key)


def test_answers_are_kept_under_a_digest_and_nothing_else() -> None:
    assert idempotency_key("a" * 64) == f"recoveries/idempotency/{'a' * 64}.json"
    assert is_beside_recoveries(idempotency_key("a" * 64))
    for text in ("", "a" * 63, "A" * 64, "a" * 65, f"../{'a' * 61}", "g" * 64):
        with pytest.raises(InvalidInputError):
            idempotency_key(text)


@pytest.mark.parametrize("server_id", ["idempotency", "claims"])
def test_no_servers_recovery_can_be_taken_for_an_answer_or_a_claim(server_id: str) -> None:
    assert not is_beside_recoveries(RecoveryId(server_id, 1).record_key(1, "requested"))


@given(recovery_ids, recovery_ids)
@EXAMPLES
def test_a_claim_is_of_one_recovery(one: RecoveryId, other: RecoveryId) -> None:
    key = recovery_claim_key(one, "a1")
    assert is_beside_recoveries(key)
    assert key.startswith(recovery_claims_prefix(other)) == (one == other)


def test_a_claim_has_a_token_and_nothing_else() -> None:
    for token in ("", "../x", "a/b", "A"):
        with pytest.raises(InvalidInputError):
            recovery_claim_key(RecoveryId("server_001", 1), token)


@pytest.mark.parametrize("make", [recoveries_prefix, recovery_progress_key])
@pytest.mark.parametrize("server_id", ["", "../x", "a.b", "A", "a/b"])
def test_no_prefix_is_made_of_what_is_no_server_id(make: Callable[[str], str], server_id: str) -> None:
    with pytest.raises(InvalidInputError):
        make(server_id)
