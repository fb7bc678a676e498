"""Secrets are read by name, kept for a while, and in no error."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from fleetsave.model.errors import ConfigurationError
from fleetsave.secrets import SecretsManager, read_credentials


class Manager:
    """A client of Secrets Manager that gives one answer, or raises it."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer = answer
        self.calls = 0

    def get_secret_value(self, **_: str) -> dict[str, Any]:
        self.calls += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "CANARY"}}, "GetSecretValue")


def test_a_secret_is_kept_for_a_while_and_then_read_again() -> None:
    manager, now = Manager({"SecretString": "old"}), [0.0]
    secrets = SecretsManager(manager, clock=lambda: now[0])
    assert secrets.get("key") == "old"
    manager.answer = {"SecretString": "new"}
    now[0] = 299
    assert (secrets.get("key"), manager.calls) == ("old", 1)
    now[0] = 300
    assert (secrets.get("key"), manager.calls) == ("new", 2)


def test_a_secret_that_could_not_be_read_is_asked_for_again_at_once() -> None:
    manager = Manager(refused("ResourceNotFoundException"))
    secrets = SecretsManager(manager)
    with pytest.raises(ConfigurationError):
        secrets.get("key")
    manager.answer = {"SecretString": "here"}
    assert secrets.get("key") == "here"


@pytest.mark.parametrize(
    ("answer", "says", "retryable"),
    [
        (refused("ResourceNotFoundException"), "ResourceNotFoundException", False),
        (refused("AccessDeniedException"), "AccessDeniedException", False),
        (refused("ThrottlingException"), "ThrottlingException", True),
        (EndpointConnectionError(endpoint_url="https://nowhere"), "cannot be asked", True),
        ({"SecretBinary": b"CANARY"}, "binary", False),
    ],
)
def test_what_cannot_be_read_says_why_and_whether_it_may_pass(
    answer: dict[str, Any] | Exception, says: str, retryable: bool
) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        SecretsManager(Manager(answer)).get("fleetsave/ssh/read-a")
    assert caught.value.target == "fleetsave/ssh/read-a"
    assert caught.value.retryable is retryable
    assert "CANARY" not in str(caught.value)


def test_credentials_are_two_members_of_a_json_object() -> None:
    pair = json.dumps({"access_key_id": "AK", "secret_access_key": "SK"})
    assert read_credentials(SecretsManager(Manager({"SecretString": pair})), "store") == ("AK", "SK")


@pytest.mark.parametrize("text", ["CANARY", '{"access_key_id": "CANARY"}', '["CANARY"]', '"CANARY"'])
def test_credentials_of_another_form_are_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_credentials(SecretsManager(Manager({"SecretString": text})), "store")
    assert "CANARY" not in repr(caught.value)


MISPLACED = [
    '{"username": "a", "password": "Tr0ub4dor&3"}',
    "kJx0DEdOBldp8OIerga_VOkU9grvurjGyD_q8YRUycM",
    "Correct-horse-battery",
    "a b/c d",
]


@pytest.mark.parametrize("name", MISPLACED)
def test_a_secret_in_the_place_of_its_name_is_not_repeated(name: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        SecretsManager(Manager(refused("ResourceNotFoundException"))).get(name)
    assert name not in str(refusal.value)
    assert "it may be the secret itself" in refusal.value.target


@pytest.mark.parametrize("name", ["fleetsave/ssh/read-default", "client-key", "Prod/Fleet/Key_1"])
def test_a_name_is_shown(name: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        SecretsManager(Manager(refused("ResourceNotFoundException"))).get(name)
    assert refusal.value.target == name
