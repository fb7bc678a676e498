"""Every reason for which a restore is refused is listed, with a hint, and given somewhere; no word of it is a password."""

import re
from pathlib import Path

import psycopg
import pytest

from fleetsave.model.errors import CaptureError
from fleetsave.postgres.login import Login
from fleetsave.sources.postgres import refusals, restore_refusals
from fleetsave.sources.postgres.restore_refusals import (
    RESTORE_REFUSALS,
    of_database_error,
    of_login,
    of_program,
    restore_refusal,
)

FOLDER = Path(restore_refusals.__file__).parent
GIVEN = re.compile(r'restore_refusal\(\s*[\w.]+, "(\w+)"')
LOGIN = Login("db.example.com", 5432, "restorer", "s3cret", "game")
TARGET = "game on db.example.com:5432"


def test_every_reason_given_is_listed() -> None:
    given = {reason for file in FOLDER.glob("*.py") for reason in GIVEN.findall(file.read_text())}
    assert len(given) > 12
    assert given <= RESTORE_REFUSALS.keys()


def test_every_reason_listed_is_given_somewhere() -> None:
    code = "".join(file.read_text() for file in FOLDER.glob("*.py") if file.name != "restore_refusals.py")
    code += Path(restore_refusals.__file__).read_text().partition("Every reason that a recovery")[2]
    code += Path(refusals.__file__).read_text()
    assert [reason for reason in RESTORE_REFUSALS if f'"{reason}"' not in code] == []


def test_a_reason_brings_its_hint_and_whether_it_may_pass() -> None:
    busy = restore_refusal(TARGET, "busy", "another run")
    assert (busy.operation, busy.target, busy.reason, busy.retryable) == ("restore", TARGET, "busy", True)
    assert not restore_refusal(TARGET, "missing_roles", "x").retryable
    assert restore_refusal(TARGET, "missing_roles", "x", hint="so").hint == "so"
    assert len(restore_refusal(TARGET, "failed", "x" * 5000).cause) < 700


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (psycopg.errors.InsufficientPrivilege("permission denied to create database"), "missing_rights"),
        (psycopg.errors.DiskFull("could not extend file"), "disk_full"),
        (psycopg.errors.LockNotAvailable("canceling statement due to lock timeout"), "locked"),
        (psycopg.errors.InvalidCatalogName('database "game" does not exist'), "database_gone"),
        (psycopg.errors.DuplicateDatabase('database "game" already exists'), "target_exists"),
        (psycopg.errors.ObjectInUse("is being accessed by other users"), "still_connected"),
        (psycopg.errors.AdminShutdown("terminating connection"), "connection_lost"),
        (psycopg.errors.ReadOnlySqlTransaction("cannot execute"), "read_only_server"),
        (psycopg.errors.DataCorrupted("invalid page in block 1"), "server_damaged"),
        (psycopg.errors.IoError("could not read block"), "server_damaged"),
        (psycopg.errors.TooManyConnections("sorry"), "too_many_connections"),
        (psycopg.OperationalError("consuming input failed"), "connection_lost"),
        (psycopg.errors.DivisionByZero("division by zero"), "failed"),
    ],
)
def test_what_the_server_answers_has_a_reason(error: psycopg.Error, reason: str) -> None:
    assert of_database_error(LOGIN, TARGET, error).reason == reason


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ('psql:<stdin>:9: ERROR:  extension "timescaledb" is not available', "missing_extensions"),
        ("ERROR:  could not extend file: No space left on device", "disk_full"),
        ("ERROR:  must be owner of table t", "missing_rights"),
        ("FATAL:  terminating connection due to administrator command", "connection_lost"),
        ('ERROR:  tablespace "fast" does not exist', "lacking"),
        ("ERROR:  duplicate key value violates unique constraint", "restore_failed"),
        ("", "restore_failed"),
    ],
)
def test_what_a_program_says_has_a_reason(words: str, reason: str) -> None:
    error = of_program(LOGIN, TARGET, words)
    assert error.reason == reason
    assert error.cause


def test_a_refused_login_is_told_for_this_side() -> None:
    def caught(reason: str) -> CaptureError:
        return CaptureError("log in to", LOGIN.target, "FATAL", "For the backup role.", reason=reason)

    assert of_login(TARGET, caught("login_refused")).reason == "login_refused"
    assert "restoring" in of_login(TARGET, caught("login_refused")).hint
    assert of_login(TARGET, caught("database_gone")).reason == "no_maintenance_database"
    assert of_login(TARGET, caught("incomplete")).reason == "failed"
    assert of_login(TARGET, caught("unreachable")).retryable


def test_no_error_holds_the_password() -> None:
    errors = (
        of_database_error(LOGIN, TARGET, psycopg.errors.SyntaxError("at or near s3cret")),
        of_program(LOGIN, TARGET, "ERROR: s3cret"),
    )
    assert not [error for error in errors if "s3cret" in str(error)]
