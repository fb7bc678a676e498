"""The central PostgreSQL in the fleet file: what is left out has a safe default, and what is wrong is named."""

from datetime import timedelta
from typing import Any

import pytest
import yaml

from fleetsave.catalog.fleet_file import parse_fleet
from fleetsave.model.errors import ConfigurationError
from fleetsave.model.fleet import Fleet
from fleetsave.model.fleet_postgresql import Authentication, SslMode
from fleetsave.model.keys import CENTRAL_SERVER_ID, ArtifactId
from fleetsave.model.kinds import Compression, DumpFormat, Kind
from fleetsave.model.slots import Slot

SMALLEST: dict[str, Any] = {
    "host": "db.example.net",
    "secret": "fleetsave/postgresql/read-central",
    "databases": [{"database": "game"}],
}
SLOT = Slot.parse("20240101_120000")


def fleet(**changes: Any) -> Fleet:
    return Fleet.model_validate({"postgresql": {**SMALLEST, **changes}})


def artifact(name: str = "postgresql") -> ArtifactId:
    return ArtifactId(CENTRAL_SERVER_ID, Kind.POSTGRESQL, name)


def test_the_smallest_entry_verifies_the_certificate_and_gives_the_key_of_the_mission() -> None:
    given = fleet().postgresql
    assert given is not None
    assert (given.sslmode, given.authentication, given.port) == (SslMode.VERIFY_FULL, Authentication.PASSWORD, 5432)
    assert given.restore_secret == "fleetsave/postgresql/restore-central"
    key = fleet().backup_key(artifact(), SLOT)
    assert str(key) == "central/postgresql/postgresql_20240101_120000.sql.zst"
    assert fleet().server_ids == [CENTRAL_SERVER_ID]


def test_several_databases_have_artifacts_and_keys_of_their_own() -> None:
    given = fleet(databases=[{"database": "game"}, {"name": "shop", "database": "shop", "format": "custom"}])
    assert given.artifact_ids(Kind.POSTGRESQL) == [artifact(), artifact("shop")]
    assert given.artifact_ids(Kind.DATABASE) == []
    key = given.backup_key(artifact("shop"), SLOT)
    assert key is not None
    assert (key.format, key.compression, str(key)) == (
        DumpFormat.CUSTOM,
        Compression.NONE,
        "central/postgresql/postgresql_20240101_120000_shop.dump",
    )


def test_what_is_kept_before_a_recovery_belongs_to_what_was_recovered() -> None:
    found = fleet().find_postgresql(artifact().safety)
    assert found is not None
    assert found[1].database == "game"
    assert fleet().names(artifact().safety)
    assert not fleet().names(artifact("other"))
    assert fleet().backup_key(artifact("other"), SLOT) is None


def test_retention_is_the_narrowest_that_is_given() -> None:
    given = fleet(
        retention={"keep_for": "10d", "keep_last": 5}, databases=[{"database": "game", "retention": {"keep_for": "2d"}}]
    )
    policy = given.retention(artifact(), timedelta(days=30))
    assert policy is not None
    assert (policy.keep_for, policy.keep_last) == (timedelta(days=2), 5)


def test_ssh_in_between_has_a_key_for_restoring_of_its_own() -> None:
    ssh = {"host": "gate", "user": "tunnel", "host_keys": ["ssh-ed25519 AAAA"], "key_secret": "fleetsave/ssh/read-gate"}
    given = fleet(ssh=ssh).postgresql
    assert given is not None
    assert given.restore_ssh is not None
    assert given.restore_ssh.key_secret == "fleetsave/ssh/restore-gate"
    assert fleet().postgresql is not None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"host": "postgresql://user:password@db"}, "without user, password"),
        ({"password": "secret"}, "unknown key"),
        ({"secret": None}, "name the secret"),
        ({"authentication": "iam", "secret": None}, "`user` and `region`"),
        ({"authentication": "iam", "user": "u", "region": "r", "sslmode": "disable"}, "needs TLS"),
        ({"sslmode": "prefer"}, "verify-full"),
        ({"sslmode": "require", "ca_certificate": "-----BEGIN CERTIFICATE-----"}, "not looked at"),
        ({"ca_certificate": "/etc/ssl/ca.pem"}, "PEM text"),
        ({"databases": []}, "at least 1"),
        ({"databases": [{"database": "template1"}]}, "templates"),
        ({"databases": [{"database": "x" * 64}]}, "63 bytes"),
        ({"databases": [{"database": "a"}, {"database": "b"}]}, "names must differ"),
        ({"databases": [{"database": "a"}, {"name": "b", "database": "a"}]}, "databases must differ"),
        ({"databases": [{"database": "a", "name": "safety-a"}]}, "before a recovery"),
        ({"databases": [{"database": "a", "name": "a_globals"}]}, "beside a dump"),
        ({"databases": [{"database": "a", "format": "custom", "compression": "zstd"}]}, "compressed in itself"),
        ({"databases": [{"database": "a", "format": "directory"}]}, "custom"),
    ],
)
def test_what_is_wrong_is_named_and_no_value_repeated(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_fleet(yaml.safe_dump({"version": 1, "postgresql": {**SMALLEST, **changes}}))
    assert problem in refused.value.cause
    assert "password@db" not in refused.value.cause


def test_a_fleet_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="nothing to protect"):
        parse_fleet("version: 1\n")
