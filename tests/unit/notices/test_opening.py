import pytest

from fleetsave.model.errors import ConfigurationError
from fleetsave.notices.opening import open_ports
from tests.fakes.memory_store import MemoryStore

SECRET = '{"notices": ["ntfy://topic", "mailto://user:canary0password@example.org"], "pings": {"fleet": "https://x/canary0uuid"}}'


def test_channels_are_the_topic_and_the_addresses_of_the_secret_by_kind_and_position() -> None:
    ports = open_ports(MemoryStore(), lambda: SECRET, None, "arn:topic")
    assert [channel.name for channel in ports.channels] == ["topic", "ntfy #1", "mailto #2"]
    assert list(ports.pings) == ["fleet"]
    assert ports.refused is None


@pytest.mark.parametrize("topic_arn", [None, ""])
def test_without_topic_and_secret_there_is_nobody_to_tell(topic_arn: str | None) -> None:
    ports = open_ports(MemoryStore(), None, None, topic_arn)
    assert (ports.channels, ports.pings, ports.refused) == ([], {}, None)


def test_a_secret_that_cannot_be_read_leaves_the_topic() -> None:
    error = ConfigurationError("read secret", "fleetsave/notices", "it is binary", "Store text.")

    def read() -> str:
        raise error

    ports = open_ports(MemoryStore(), read, None, "arn:topic")
    assert ([channel.name for channel in ports.channels], ports.refused) == (["topic"], error)


def test_a_secret_that_is_wrong_leaves_the_topic() -> None:
    ports = open_ports(MemoryStore(), lambda: "canary0", None, "arn:topic")
    assert [channel.name for channel in ports.channels] == ["topic"]
    assert "canary0" not in str(ports.refused)
