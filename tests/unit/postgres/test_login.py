"""A login reaches a child process by inheritance alone: nothing of it can be read from outside."""

import subprocess
import sys
from pathlib import Path

import pytest

from fleetsave.model.fleet_postgresql import SslMode
from fleetsave.postgres.login import Login

PASSWORD = "pass:word\\with 'all' of it"
LOGIN = Login("db.example.net", 5432, "backup", PASSWORD, "game", ca_certificate="-----BEGIN CERTIFICATE-----")
READ = "import os, sys; sys.stdout.write(open(os.environ[sys.argv[1]]).read())"


def child(login: Login, variable: str) -> str:
    with login.for_child() as (variables, descriptors):
        done = subprocess.run(
            [sys.executable, "-c", READ, variable],
            env=variables,
            pass_fds=descriptors,
            capture_output=True,
            text=True,
            check=True,
        )
    return done.stdout


def test_a_child_reads_the_password_escaped_from_a_passfile_that_is_no_file() -> None:
    assert child(LOGIN, "PGPASSFILE") == "*:*:*:*:pass\\:word\\\\with 'all' of it\n"
    with LOGIN.for_child() as (variables, _):
        assert variables["PGPASSFILE"].startswith("/proc/self/fd/")
        assert not any(PASSWORD in value for value in variables.values())


def test_the_descriptors_are_given_back() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with LOGIN.for_child():
        assert len(list(Path("/proc/self/fd").iterdir())) == before + 2
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_certificate_is_verified_in_full_against_the_authority_that_is_given() -> None:
    with LOGIN.for_child() as (variables, _):
        assert variables["PGSSLMODE"] == "verify-full"
    assert child(LOGIN, "PGSSLROOTCERT") == "-----BEGIN CERTIFICATE-----"


def test_without_an_authority_the_public_ones_are_meant() -> None:
    login = Login("db.example.net", 5432, "backup", PASSWORD, "game")
    with login.for_child() as (variables, _):
        assert "BEGIN CERTIFICATE" in Path(variables["PGSSLROOTCERT"]).read_text()


@pytest.mark.parametrize("sslmode", [SslMode.REQUIRE, SslMode.DISABLE])
def test_without_verification_no_authority_is_named(sslmode: SslMode) -> None:
    login = Login("db.example.net", 5432, "backup", None, "game", sslmode=sslmode)
    with login.for_child() as (variables, descriptors):
        assert (variables["PGSSLMODE"], "PGSSLROOTCERT" in variables, descriptors) == (sslmode.value, False, ())
        assert variables["PGPASSFILE"] == "/dev/null", "the account's own passfile is none of ours"


def test_a_forwarded_port_is_connected_to_under_the_name_of_the_certificate() -> None:
    login = Login("db.internal", 40000, "backup", PASSWORD, "game", address="127.0.0.1")
    with login.for_child() as (variables, _):
        assert (variables["PGHOST"], variables["PGHOSTADDR"], variables["PGPORT"]) == ("db.internal", "127.0.0.1", "40000")


def test_neither_its_text_nor_its_target_tells_the_password() -> None:
    assert PASSWORD not in repr(LOGIN)
    assert LOGIN.target == "backup@db.example.net:5432/game"
    assert LOGIN.redact(f"connection string was {PASSWORD}!") == "connection string was ***!"


def test_another_database_of_the_server_is_the_same_login_otherwise() -> None:
    assert LOGIN.to("it's odd").child_database.startswith("dbname='it\\'s odd' ")
    assert LOGIN.to("other").password == PASSWORD
