"""The fleet file is read strictly: every problem is named where it stands, and no value is ever repeated."""

import pytest

from fleetsave.catalog.fleet_file import MAXIMUM_BYTES, parse_fleet, read_fleet, read_text, write_fleet
from fleetsave.model.errors import ConfigurationError, StoreError
from tests.fakes.memory_store import MemoryStore

TEXT = """\
version: 1
servers:
  - id: alpha
    ssh:
      host: localhost
      user: backup
      host_keys: ["ssh-ed25519 AAAA"]
      key_secret: fleetsave/ssh/read
    databases:
      - path: /srv/game.db
"""


def problems(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_fleet(text)
    return caught.value.cause


def test_a_right_file_is_a_fleet() -> None:
    fleet = parse_fleet(TEXT)
    assert (fleet.servers[0].id, fleet.servers[0].databases[0].path) == ("alpha", "/srv/game.db")


def test_anchors_and_merges_are_understood() -> None:
    text = TEXT.replace("    ssh:\n", "    ssh: &ssh\n") + "  - id: beta\n    ssh: {<<: *ssh, host: other}\n"
    ssh = parse_fleet(text).servers[1].ssh
    assert ssh is not None
    assert (ssh.host, ssh.user) == ("other", "backup")


def test_an_unknown_key_is_refused_with_the_one_that_was_meant() -> None:
    cause = problems(TEXT.replace("key_secret", "kee_secret"))
    assert "line 8, servers[0].ssh.kee_secret: unknown key; did you mean 'key_secret'?" in cause
    assert "line 4, servers[0].ssh.key_secret: is missing" in cause


def test_an_unknown_key_that_resembles_none_is_refused_with_those_there_are() -> None:
    assert "xyzzy: unknown key; known here: version, defaults, servers" in problems(f"{TEXT}xyzzy: 1\n")


def test_an_unknown_key_in_an_optional_part_finds_its_place() -> None:
    assert "servers[0].retention.keep_four: unknown key; did you mean 'keep_for'?" in problems(
        TEXT.replace("    databases:", "    retention: {keep_four: 30d}\n    databases:")
    )


def test_every_problem_is_named_at_once() -> None:
    cause = problems(TEXT.replace("alpha", "Alpha").replace("/srv", "srv").replace("version: 1", "version: 2"))
    for place in ("line 1, version", "line 3, servers[0].id", "line 10, servers[0].databases[0].path"):
        assert place in cause


def test_a_key_that_stands_twice_is_refused() -> None:
    assert problems(TEXT + "version: 1\n") == "line 11, version: the key stands there twice"
    assert "servers[0].ssh.host" in problems(TEXT.replace("      user: backup\n", "      user: backup\n      host: evil\n"))


def test_text_that_yaml_takes_for_a_number_is_explained() -> None:
    assert "put quotes round" in problems(TEXT.replace("alpha", "001"))


@pytest.mark.parametrize("text", ["", "# nothing\n", "[]", "text", "1", "null"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    assert problems(text) == "it is not a mapping"


def test_broken_yaml_is_refused_with_its_line() -> None:
    assert problems("version: 1\nservers: [\n").startswith("line 3: ")
    assert problems("version: 1\n\tservers: 1").startswith("line 2: ")
    assert "line 2" in problems("--- 1\n--- 2\n")


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system [id]",
        "a: !!python/name:os.system x",
        "a: \x07",
        "? [a, b]\n: 1",
        "<<: 3",
        "a: 2024-13-45",
        f"a: {'9' * 6000}",
        "[" * 5000,
        "a: " + "{a: " * 2000,
        "a: *nowhere",
        "a: &a [*a]",
        "\ud800",
    ],
)
def test_hostile_yaml_is_refused(text: str) -> None:
    problems(text)


def test_nested_aliases_are_refused_before_they_fill_the_memory() -> None:
    lines = ["a0: &a0 [1,1,1,1,1,1,1,1,1,1]"]
    lines += [f"a{level}: &a{level} [{','.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 12)]
    assert "too large" in problems("\n".join(lines))


def test_a_file_above_a_megabyte_is_refused() -> None:
    assert "larger than" in problems(TEXT + "#" * MAXIMUM_BYTES)


def test_a_private_key_is_refused_wherever_it_stands_and_not_repeated() -> None:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\n      b3BlbnNzaC1rZXk\n"
    for text in (TEXT.replace("fleetsave/ssh/read", f"|\n      {key}"), f"{TEXT}# {key}", f"extra: |\n      {key}{TEXT}"):
        with pytest.raises(ConfigurationError) as caught:
            parse_fleet(text)
        assert "private key" in caught.value.cause
        assert "b3BlbnNzaC1rZXk" not in str(caught.value)


def test_no_value_is_repeated_in_an_error() -> None:
    for text in (
        TEXT.replace("backup", "[hunter2]"),
        TEXT.replace("1\n", "hunter2\n"),
        TEXT.replace("/srv", "hunter2"),
        f"{TEXT}: hunter2 :",
    ):
        assert "hunter2" not in problems(text)


def test_what_is_written_is_read_as_it_was() -> None:
    store = MemoryStore()
    assert write_fleet(store, TEXT) == read_fleet(store)
    assert read_text(store) == TEXT


def test_a_wrong_file_is_not_written() -> None:
    store = MemoryStore()
    with pytest.raises(ConfigurationError):
        write_fleet(store, "servers: []")
    assert store.calls["put"] == 0


def test_a_bucket_without_a_file_says_how_to_push_one() -> None:
    with pytest.raises(ConfigurationError, match=r"fleetsave config push fleet\.yaml"):
        read_fleet(MemoryStore())


def test_a_store_that_fails_is_no_missing_file() -> None:
    store = MemoryStore()
    store.fail("get", StoreError("get", "config/fleet.yaml", "connection refused", "Check.", retryable=True))
    with pytest.raises(StoreError):
        read_fleet(store)


def test_a_file_in_the_bucket_that_is_no_text_is_refused() -> None:
    store = MemoryStore()
    store.put("config/fleet.yaml", b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_fleet(store)
    store.put("config/fleet.yaml", b"\xef\xbb\xbf" + TEXT.encode())
    assert read_fleet(store).servers[0].id == "alpha"


@pytest.mark.parametrize(
    "place", ["{secret}: 1\n", "postgresql:\n  secret: *{secret}\n", "postgresql: !{secret} x\n", "a: '{secret}\n"]
)
def test_what_may_be_a_secret_in_the_wrong_place_is_not_repeated(place: str) -> None:
    secret = "kJx0DEdOBldp8OIerga_VOkU9grvurjGyD_q8YRUycM"
    assert secret[:12] not in problems(TEXT + place.format(secret=secret))
