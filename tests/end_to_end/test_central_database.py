"""On the deployed stack, in both profiles: the central PostgreSQL from its schedule to the proof, and a dropped table back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials

from fleetsave.api_client import RecoveryApi
from fleetsave.catalog.fleet_file import write_fleet
from fleetsave.local.central_database import DATABASE, DROPPED, CentralDatabase
from fleetsave.local.emulator import REGION
from fleetsave.local.game_servers import fleet_text
from fleetsave.model.history import State
from fleetsave.model.keys import CENTRAL_SERVER_ID, ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.records import Level
from tests.end_to_end.deployment import Deployment, slot_of_minute

ARTIFACT = ArtifactId(CENTRAL_SERVER_ID, Kind.POSTGRESQL, "postgresql")


@pytest.fixture(scope="module")
def central(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CentralDatabase]:
    """A PostgreSQL under load that the deployed stack's fleet file names, for this module."""
    folder: Path = tmp_path_factory.mktemp("central") / "postgresql"
    given = CentralDatabase(folder, scale=1, rate=20)
    try:
        for name, account in given.secrets.items():
            deployment.stack.put_secret(name, account)
        write_fleet(deployment.store, fleet_text(deployment.servers, postgresql=given.fleet_entry()))
        yield given
        write_fleet(deployment.store, fleet_text(deployment.servers))
    finally:
        given.stop()


@pytest.fixture(scope="module")
def backup(deployment: Deployment, central: CentralDatabase) -> BackupKey:
    """What the schedule's message leads to, verified."""
    assert central.load.is_running
    slot = slot_of_minute(95)
    deployment.send("DispatchQueue", {"kind": "postgresql", "slot": slot.at.isoformat(), "period_minutes": 1})
    key = BackupKey(ARTIFACT, slot, Compression.ZSTD)
    deployment.wait_for_state(key, State.VERIFIED)
    return key


def test_from_the_schedule_to_the_proof_under_load(deployment: Deployment, backup: BackupKey, central: CentralDatabase) -> None:
    verdict = deployment.catalog.verdict(backup, RecordName.VERIFIED)
    assert verdict.level is Level.APPLICATION
    assert "round_trip" in {finding.check for finding in verdict.findings}
    assert central.load.is_running
    for function in ("CollectFunction", "VerifyFunction"):
        log = deployment.stack.function_log(function)
        assert not any(account in log for account in central.secrets.values())
    assert deployment.stack.queue_depth("VerifyDlq") == 0, "the event of the object beside the dump is no failure"


def test_a_dropped_table_is_shown_missing_and_brought_back(
    deployment: Deployment, backup: BackupKey, central: CentralDatabase
) -> None:
    operator = Credentials(*deployment.stack.api_credentials("operator"))
    api = RecoveryApi(deployment.stack.api_url, operator, REGION)
    rows = central.rows(DROPPED)
    central.server.psql(f"DROP TABLE {DROPPED} CASCADE", DATABASE)
    body = {"server_id": "central", "backup_key": backup.text, "backup_type": "postgresql"}
    plan = api.plan(body).document["plan"]
    assert plan["compared_with"] == "the database itself", plan["warnings"]
    players = next(one for one in plan["comparison"] if one["table"] == f"public.{DROPPED}")
    assert (players["rows_now"], players["rows_then"]) == (None, rows)
    recovered = ended(deployment, api, api.recover(body).document["id"])
    assert recovered["status"] == "recovered", recovered
    assert central.rows(DROPPED) == rows
    kept = recovered["proof"]["swap"]["kept"]
    assert central.server.psql(f"SELECT count(*) FROM pg_database WHERE datname = '{kept}'") == "1"
    assert deployment.state(BackupKey.parse(recovered["safety_backup"]["backup_key"])) is State.VERIFIED


def ended(deployment: Deployment, api: RecoveryApi, recovery_id: str) -> dict[str, Any]:
    """Wait for the end of a recovery and return it."""
    deployment.wait_for(f"the end of {recovery_id}", lambda: bool(api.get(recovery_id).document["is_finished"]), patience=150)
    return api.get(recovery_id).document
