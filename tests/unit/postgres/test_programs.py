"""The programs are those of the layer, and a child learns nothing that it does not need."""

from pathlib import Path

import pytest

import fleetsave
from fleetsave.model.errors import ConfigurationError
from fleetsave.model.kinds import DumpFormat
from fleetsave.postgres.dumping import dump_command, new_restrict_key
from fleetsave.postgres.programs import Programs, find_programs


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pg_dump").touch()
    return Programs(tmp_path)


def test_by_default_they_are_beside_the_code_where_layers_put_them() -> None:
    assert find_programs(None).folder == Path(fleetsave.__file__).parents[2] / "postgresql"
    assert find_programs("/srv/postgresql").folder == Path("/srv/postgresql")


def test_a_program_that_is_missing_is_named_with_where_it_comes_from(programs: Programs) -> None:
    assert programs.path("pg_dump") == f"{programs.folder}/bin/pg_dump"
    with pytest.raises(ConfigurationError, match="psql") as refused:
        programs.path("psql")
    assert "PostgresLayer" in refused.value.hint


def test_the_environment_is_made_from_nothing(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/lib64")
    environment = programs.environment({"PGHOST": "db"})
    assert environment["LD_LIBRARY_PATH"] == f"{programs.folder}/lib"
    assert (environment["PGTZ"], environment["PGHOST"]) == ("GMT", "db")
    assert not any(name.startswith("AWS") for name in environment)


def test_a_dump_is_taken_in_the_snapshot_and_guarded_by_its_own_key(programs: Programs) -> None:
    command = dump_command(programs, "dbname=game", DumpFormat.PLAIN, "KEY", snapshot="00000003-1", lock_timeout=2.5)
    assert command[0] == programs.path("pg_dump")
    assert {"--no-password", "--restrict-key=KEY", "--snapshot=00000003-1", "--lock-wait-timeout=2500"} <= set(command)


def test_an_archive_has_no_key_and_is_compressed_in_itself(programs: Programs) -> None:
    command = dump_command(programs, "dbname=game", DumpFormat.CUSTOM, "KEY")
    assert "--compress=zstd:1" in command
    assert not any("restrict" in word or "snapshot" in word for word in command)


def test_no_two_keys_are_alike() -> None:
    assert len({new_restrict_key() for _ in range(100)}) == 100
    assert new_restrict_key().isalnum()
