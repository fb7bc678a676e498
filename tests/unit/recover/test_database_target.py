"""A database goes through the same steps as a game server's file, without its commands, and in as few runs as it can."""

from dataclasses import replace

import pytest

from fleetsave.model.errors import ConfigurationError, RestoreError
from fleetsave.model.jobs import Job
from fleetsave.model.keys import CENTRAL_SERVER_ID, ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, DumpFormat, Kind
from fleetsave.model.records import Fingerprint, Level, VerdictRecord
from fleetsave.model.recoveries import Recovery
from fleetsave.model.recovery_records import RecoveryRequest, RecoveryState, SwapMethod, TargetState
from fleetsave.recover.outcome import HandedOn
from fleetsave.recover.targets import DatabaseTarget, OpenTarget, planned
from tests.fakes.restorer import SCHEMA, FakeRestorer, failed
from tests.fixtures.stored_backups import NOON, store_object
from tests.unit.planning.dumps import dump_report, fleet_of
from tests.unit.recover.world import NEW, OLD, World

CENTRAL = ArtifactId(CENTRAL_SERVER_ID, Kind.POSTGRESQL, "postgresql")
KEY = BackupKey(CENTRAL, NOON, Compression.ZSTD)
RUN_SECONDS = 840.0


class CentralWorld(World):
    """The world of recover with a database server for its target."""

    def __init__(self) -> None:
        super().__init__()
        self.fleet = fleet_of()
        self.put_dump(KEY, NEW)

    def put_dump(self, key: BackupKey, plain: bytes) -> None:
        record = store_object(self.store, key, plain, Fingerprint({"public.players": 3}, SCHEMA))
        dump = dump_report(key, {"public.players": 3}, schema=SCHEMA)
        self.catalog.append(key, RecordName.STORED, replace(record, capture=dump, source_path="game"))
        verdict = VerdictRecord(key.text, RecordName.VERIFIED, Level.EQUAL_TO_SOURCE, [], "", "", "", self.now(), 1, "0")
        self.catalog.append(key, RecordName.VERIFIED, verdict)

    def open_target(self, recovery: Recovery) -> OpenTarget:
        return DatabaseTarget(FakeRestorer(self.server, planned(recovery)), RUN_SECONDS)

    def ask(self, **what: object) -> Recovery:
        request = RecoveryRequest(CENTRAL_SERVER_ID, Kind.POSTGRESQL, CENTRAL_SERVER_ID, "arn:aws:iam::1:user/op", "0" * 64)
        return self.recoveries.begin(replace(request, **what), self.now()).recovery  # type: ignore[arg-type]  # the request's own names


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> CentralWorld:
    world = CentralWorld()

    def send(jobs: list[Job]) -> None:
        world.collect_queue.jobs.extend(jobs)
        for job in jobs:
            key = world.fleet.backup_key(job.artifact_id, job.slot)
            assert key is not None
            world.put_dump(key, OLD)

    monkeypatch.setattr(world.collect_queue, "send", send)
    return world


def test_a_database_is_backed_up_renamed_and_proven(world: CentralWorld) -> None:
    recovery = world.run_to_the_end(world.ask())
    assert recovery.has(RecoveryState.RECOVERED), recovery.records[-1].problem
    assert world.server.methods == [SwapMethod.RENAME]
    assert [str(job.artifact_id) for job in world.collect_queue.jobs] == ["central/postgresql/safety-postgresql"]
    assert recovery.safety is not None
    assert (recovery.safety.backup_key or "").endswith("_safety-postgresql.sql.zst")
    assert world.server.target == NEW
    assert world.server.is_clean


def test_the_safety_backup_has_the_format_that_the_fleet_file_says(world: CentralWorld) -> None:
    world.fleet = fleet_of({"database": "game", "format": DumpFormat.CUSTOM.value})
    recovery = world.run_to_the_end(world.ask())
    assert recovery.safety is not None
    assert (recovery.safety.backup_key or "").endswith("_safety-postgresql.dump")


def test_where_nothing_is_the_database_is_placed(world: CentralWorld) -> None:
    world.server.target, world.server.state = None, TargetState.MISSING
    recovery = world.run_to_the_end(world.ask())
    assert world.server.methods == [SwapMethod.PLACE]
    assert recovery.safety is not None
    assert recovery.safety.backup_key is None


def test_a_damaged_database_is_renamed_whoever_is_connected(world: CentralWorld) -> None:
    world.server.state, world.server.open_by = TargetState.DAMAGED, ["shop 10.0.0.1"]
    recovery = world.run_to_the_end(world.ask())
    assert recovery.has(RecoveryState.RECOVERED), recovery.records[-1].problem
    assert world.server.methods == [SwapMethod.RENAME]


def test_what_cannot_be_cut_in_two_begins_in_a_run_that_has_its_time(world: CentralWorld) -> None:
    recovery = world.ask()
    world.seconds_left = RUN_SECONDS * 0.7
    assert isinstance(world.run(recovery), HandedOn)
    assert world.load(recovery).reached is RecoveryState.SECURED
    assert "receive" not in world.server.did
    world.seconds_left = RUN_SECONDS
    assert world.run_to_the_end(recovery).has(RecoveryState.RECOVERED)


def test_a_database_that_is_not_whole_is_renamed_back(world: CentralWorld) -> None:
    world.server.bad_findings["verify"] = failed("tables")
    recovery = world.run_to_the_end(world.ask())
    assert recovery.has(RecoveryState.ROLLED_BACK)
    assert world.server.target == OLD


def test_what_could_not_be_rolled_back_is_named_by_its_database(world: CentralWorld) -> None:
    world.server.bad_findings["verify"] = failed("tables")
    gone = RestoreError("restore", "game", "there is no database", "Look.", reason="before_lost")
    world.server.fail("roll_back", gone, times=9)
    recovery = world.run_to_the_end(world.ask())
    assert recovery.has(RecoveryState.UNRESOLVED)
    assert "as the database game_before_20240101_1500" in recovery.records[-1].detail
    assert ".fleetsave-" not in recovery.records[-1].detail


def test_a_database_server_has_no_commands(world: CentralWorld) -> None:
    with pytest.raises(ConfigurationError, match="no commands"):
        DatabaseTarget(FakeRestorer(world.server, None), RUN_SECONDS).run_hook("before", "stop")  # type: ignore[arg-type]  # no hook asks for it
