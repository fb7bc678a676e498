"""What stands in the way of a dump is named, with its fix; nothing is stored, and nobody learns a secret."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from fleetsave.collect.room import collect
from fleetsave.local.postgres_tools import ensure_postgres_server
from fleetsave.model.errors import CaptureError, ConfigurationError, FleetsaveError
from fleetsave.postgres.programs import Programs
from fleetsave.services import build
from fleetsave.settings import Settings
from tests.fixtures.certificates import write_certificates
from tests.fixtures.dumping import DATABASE, SECRET, Dumping, locked


def nothing(_: Dumping) -> None:
    """Leave everything as it is."""


@dataclass(frozen=True)
class Case:
    """One thing that is wrong: what is done, and the reason and the words that a person gets."""

    name: str
    reason: str
    cause: str
    hint: str
    do: Callable[[Dumping], None] = nothing
    settings: dict[str, Any] = field(default_factory=dict)
    database: dict[str, Any] = field(default_factory=dict)


def wrong_password(dumping: Dumping) -> None:
    dumping.put_secrets(password="not the password")


def unknown_role(dumping: Dumping) -> None:
    account = json.dumps({"username": "nobody_knows_me", "password": "x"})
    dumping.put_secrets({SECRET: account})


def hidden_rows(dumping: Dumping) -> None:
    dumping.server.psql("ALTER TABLE ledger ENABLE ROW LEVEL SECURITY; ALTER TABLE ledger FORCE ROW LEVEL SECURITY", DATABASE)
    dumping.server.psql(f"ALTER ROLE {dumping.role.user} NOBYPASSRLS")


def large_object(dumping: Dumping) -> None:
    dumping.server.psql("SELECT lo_from_bytea(0, 'abc')", DATABASE)


def no_rights(dumping: Dumping) -> None:
    dumping.server.psql(f"REVOKE pg_read_all_data FROM {dumping.role.user}")


def dropped(dumping: Dumping) -> None:
    dumping.server.psql(f"DROP DATABASE {DATABASE}")


CASES = [
    Case("wrong password", "login_refused", "password authentication failed", "secret", wrong_password),
    Case("unknown role", "login_refused", "password authentication failed", "secret", unknown_role),
    Case("wrong host name", "not_trusted", "does not match host name", "certificate", settings={"host": "127.0.0.2"}),
    Case("nobody listens", "unreachable", "Connection refused", "firewall", settings={"port": 9}),
    Case("no such host", "unreachable", "failed to resolve host", "host", settings={"host": "no-such-host.invalid"}),
    Case("no TLS", "tls_refused", "no encryption", "pg_hba.conf", settings={"sslmode": "disable", "ca_certificate": None}),
    Case("database gone", "database_gone", f'"{DATABASE}" does not exist', "renamed or dropped", dropped),
    Case("rows hidden from the role", "row_security", "row-level security", "BYPASSRLS", hidden_rows),
    Case("large object of somebody else", "missing_rights", "permission denied for large object", "superuser", large_object),
    Case("missing rights", "missing_rights", "permission denied", "pg_read_all_data", no_rights),
    Case("check is no SELECT", "check_failed", "no SELECT", "SELECT", database={"checks": {"x": "SET work_mem = '1MB'"}}),
    Case(
        "check is two", "check_failed", "multiple commands", "SELECT", database={"checks": {"x": "SELECT 1; DROP TABLE ledger"}}
    ),
    Case(
        "check writes",
        "check_failed",
        "read-only transaction",
        "SELECT",
        database={"checks": {"x": "DELETE FROM ledger RETURNING 1"}},
    ),
    Case("check without a row", "check_failed", "no row", "row", database={"checks": {"x": "SELECT 1 WHERE false"}}),
]


@pytest.fixture
def ready(dumping: Dumping) -> Iterator[Dumping]:
    dumping.fill(100)
    yield dumping
    dumping.server.psql(f"ALTER ROLE {dumping.role.user} BYPASSRLS; GRANT pg_read_all_data TO {dumping.role.user}")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_wrong_is_named_with_its_fix_and_nothing_is_stored(ready: Dumping, case: Case) -> None:
    ready.settings, ready.database = dict(case.settings), dict(case.database)
    ready.put_fleet()
    before = ready.data()
    case.do(ready)
    with pytest.raises(CaptureError) as refused:
        ready.collect()
    error = refused.value
    assert (error.reason, case.cause in error.cause, case.hint in error.hint) == (case.reason, True, True), str(error)
    assert (ready.data(), ready.open_uploads(), ready.left_over()) == (before, 0, [])
    assert ready.role.password not in f"{error}{error.as_dict()}"


def test_a_certificate_of_another_authority_is_refused(ready: Dumping, tmp_path: Path) -> None:
    ready.settings = {"ca_certificate": other_authority(tmp_path)}
    ready.put_fleet()
    with pytest.raises(CaptureError) as refused:
        ready.collect()
    assert (refused.value.reason, "certificate verify failed" in refused.value.cause) == ("not_trusted", True)
    assert "ca_certificate" in refused.value.hint


def test_without_an_authority_of_its_own_only_the_public_ones_are_trusted(ready: Dumping) -> None:
    ready.settings = {"ca_certificate": None}
    ready.put_fleet()
    with pytest.raises(CaptureError) as refused:
        ready.collect()
    assert refused.value.reason == "not_trusted"


def other_authority(folder: Path) -> str:
    return write_certificates(folder)[0].read_text()


def test_a_table_that_somebody_holds_locked_is_waited_for_as_long_as_the_fleet_file_says(ready: Dumping) -> None:
    ready.settings = {"lock_timeout": "1s"}
    ready.put_fleet()
    with locked(ready, "ledger"), pytest.raises(CaptureError) as refused:
        ready.collect()
    assert (refused.value.reason, refused.value.retryable) == ("locked", True)


def test_a_server_newer_than_the_programs_is_refused_before_pg_dump_is_asked(
    ready: Dumping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleetsave.sources.postgres.dump.MAJOR", 15)
    with pytest.raises(CaptureError) as refused:
        ready.collect()
    assert (refused.value.reason, "16." in refused.value.cause) == ("server_too_new", True)
    assert "Update fleetsave" in refused.value.hint


def test_older_programs_say_so_themselves(ready: Dumping) -> None:
    ready.programs, current = Programs(ensure_postgres_server(15)), ready.programs
    try:
        with pytest.raises(CaptureError, match="15") as refused:
            ready.collect()
    finally:
        ready.programs = current
    assert refused.value.reason == "server_too_new"
    assert ready.open_uploads() == 0


@pytest.mark.parametrize("text", ["not json", "[]", '{"username": "x"}'])
def test_a_secret_of_another_form_is_named_and_none_of_it_repeated(ready: Dumping, text: str) -> None:
    ready.put_secrets({SECRET: text})
    with pytest.raises(ConfigurationError) as refused:
        ready.collect()
    assert "username and password" in refused.value.cause
    assert text not in str(refused.value)


def test_a_password_that_was_replaced_is_read_anew_once(ready: Dumping, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    class Rotated:
        def get(self, name: str, *, fresh: bool = False) -> str:
            assert name == SECRET
            asked.append(fresh)
            return json.dumps({"username": ready.role.user, "password": ready.role.password if fresh else "the old one"})

    monkeypatch.setattr("tests.fixtures.dumping.JsonSecrets", lambda _: Rotated())
    record = ready.dump()
    assert record.dump.text.blocks["public.ledger"].rows == 100
    assert asked == [False, True]


def test_a_token_that_aws_signs_stands_for_the_password(ready: Dumping, monkeypatch: pytest.MonkeyPatch) -> None:
    token = "localhost:5432/?Action=connect&X-Amz-Signature=" + "0123456789abcdef:%" * 40
    monkeypatch.setattr("tests.fixtures.dumping.no_token", lambda *_: token)
    role = ready.server.create_role("by_iam", password=token, options="BYPASSRLS", member_of=["pg_read_all_data"])
    ready.settings = {"authentication": "iam", "user": role.user, "region": "eu-west-1", "secret": None}
    ready.put_fleet()
    assert ready.dump().dump.text.blocks["public.ledger"].rows == 100


def test_what_failed_is_remembered_for_status_and_the_alarm(ready: Dumping) -> None:
    wrong_password(ready)
    job = ready.next_job()
    with pytest.raises(FleetsaveError):
        collect(job, ready.ports())
    state = json.loads(ready.store.get(job.artifact_id.state_key))
    assert (state["failure"]["reason"], state["failure"]["slot"]) == ("login_refused", job.slot.text)
    assert ready.role.password not in json.dumps(state)


def test_a_token_is_signed_by_the_sdk_for_server_port_and_user() -> None:
    session: Any = boto3.Session("AKIAEXAMPLE", "example", region_name="eu-west-1")

    def client(name: str, **options: Any) -> Any:
        return session.client(name, **options)

    token = build(Settings(bucket="backups"), client).sign_token("db.example.net", 5433, "backup", "eu-central-1")
    assert token.startswith("db.example.net:5433/?")
    assert "DBUser=backup" in token
    assert "eu-central-1" in token
    assert "X-Amz-Signature=" in token
