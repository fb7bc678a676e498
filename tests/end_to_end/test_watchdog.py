"""On the deployed stack, in both profiles: what gets lost is found and made up for, and what stops is told in time."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleetsave.catalog.fleet_file import read_fleet, write_fleet
from fleetsave.local.game_servers import GameDatabase, GameServer, fleet_text
from fleetsave.local.stack import Profile
from fleetsave.model.errors import ObjectNotFoundError
from fleetsave.model.history import State
from fleetsave.model.keys import ArtifactId, BackupKey
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.slots import Slot
from tests.end_to_end.deployment import Deployment, slot_of_minute
from tests.packaging.cloudwatch import first_alarm

REPORT, MEMORY = "state/watchdog/report.json", "state/watchdog.json"
ALONE = "server_alone"


def look(deployment: Deployment) -> dict[str, Any]:
    """Have the watchdog look, as its schedule does, as if its last look was 15 minutes ago; return its report."""
    deployment.store.delete(MEMORY)
    deployment.store.delete(REPORT)
    ask_for_a_look(deployment)
    return report_of(deployment)


def ask_for_a_look(deployment: Deployment) -> None:
    deployment.send("WatchdogQueue", {"scheduled_time": datetime.now(UTC).isoformat()})


def report_of(deployment: Deployment) -> dict[str, Any]:
    """Wait for the report of a look, and for the look's end."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        try:
            found.append(json.loads(deployment.store.get(REPORT)))
        except ObjectNotFoundError:
            return False
        return deployment.stack.queue_depth("WatchdogQueue") == 0

    deployment.wait_for("a look of the watchdog", is_there)
    return found[-1]


def schedule_of(cron: str, minutes: int) -> str:
    return json.dumps({"database": {"cron": f"cron({cron} * * * ? *)", "period_minutes": minutes}})


def kinds_of(report: dict[str, Any]) -> set[str]:
    return {problem["kind"] for problem in report["problems"]}


@contextmanager
def told(deployment: Deployment, **variables: str) -> Iterator[None]:
    """Tell the watchdog other settings than the template does, for a while."""
    functions, name = deployment.stack.client("lambda"), deployment.stack.physical_name("WatchdogFunction")
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**before, **variables}})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})


def published(deployment: Deployment, metric: str) -> list[float]:
    """Return every value of a metric that looks have published, as CloudWatch finds them in the function's log."""
    lines = deployment.stack.function_log("WatchdogFunction").splitlines()
    documents = [json.loads(line) for line in lines if '"_aws"' in line]
    return [value for document in documents if metric in document for value in as_list(document[metric])]


def as_list(value: Any) -> list[float]:
    return [float(one) for one in value] if isinstance(value, list) else [float(value)]


def lose_the_event(deployment: Deployment, minutes_ago: int) -> BackupKey:
    """Return a backup that was stored and of which nobody was told."""
    events, rule = deployment.stack.client("events"), deployment.stack.physical_name("StoredRule")
    slot = slot_of_minute(minutes_ago)
    keys = [BackupKey(artifact_id, slot, Compression.ZSTD) for artifact_id in deployment.artifacts]
    events.disable_rule(Name=rule)
    try:
        deployment.fire(slot)
        for key in keys:
            deployment.wait_for_state(key, State.STORED)
        deployment.wait_for("the jobs' end", lambda: deployment.stack.queue_depth("CollectQueue") == 0)
    finally:
        events.enable_rule(Name=rule)
    return keys[0]


def waited(deployment: Deployment, until: datetime) -> None:
    deployment.wait_for(f"{until:%H:%M:%S}", lambda: datetime.now(UTC) > until)


@pytest.fixture(scope="module")
def alone(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArtifactId]:
    """A fleet of one server that was never backed up, in place of the others for a while."""
    others = read_fleet(deployment.store)
    server = GameServer(ALONE, tmp_path_factory.mktemp("alone"), [GameDatabase("database", "game.db")])
    deployment.stack.put_secret(server.key_secret, server.ssh.private_key)
    write_fleet(deployment.store, fleet_text([server]))
    yield ArtifactId(ALONE, Kind.DATABASE, "database")
    write_fleet(deployment.store, fleet_text(deployment.servers))
    assert read_fleet(deployment.store) == others
    server.stop()


def test_its_own_schedule_makes_it_look_with_all_it_needs_and_it_may_do_all_it_does(deployment: Deployment) -> None:
    deployment.store.delete(REPORT)
    deployment.stack.fire("ScheduleWatchdog")
    report = report_of(deployment)
    assert {artifact["artifact"] for artifact in report["artifacts"]} >= {str(one) for one in deployment.artifacts}
    assert not kinds_of(report) & {"unreadable", "fleet_file", "clock"}
    assert published(deployment, "NoticesFailed")[-1] == 0
    assert deployment.stack.queue_depth("WatchdogDlq") == 0


def test_looks_that_are_asked_for_at_once_come_one_after_the_other(deployment: Deployment) -> None:
    before = len(deployment.stack.function_log("WatchdogFunction"))
    for _ in range(3):
        ask_for_a_look(deployment)
    deployment.wait_for("the looks", lambda: deployment.stack.queue_depth("WatchdogQueue") == 0)
    told = deployment.stack.function_log("WatchdogFunction")[before:].splitlines()
    words = [line.split()[0] for line in told if line.startswith(("START ", "END "))]
    assert words == ["START", "END"] * 3


def test_a_backup_of_which_nobody_was_told_is_verified_after_the_first_look_that_finds_it_overdue(
    deployment: Deployment, record_property: Any
) -> None:
    key = lose_the_event(deployment, minutes_ago=3)
    lost_at = time.monotonic()
    assert look(deployment)["did"]["verifications_requeued"] == 0, "for 15 minutes verify has its time"
    assert deployment.state(key) is State.STORED
    # What is captured every minute has a minute to be verified.
    with told(deployment, FLEETSAVE_SCHEDULES=schedule_of("*", 1)):
        waited(deployment, deployment.catalog.stored(key).finished_at + timedelta(seconds=65))
        looked_at = time.monotonic()
        report = look(deployment)
    assert report["did"]["verifications_requeued"] >= 1
    assert "not_verified" in kinds_of(report)
    deployment.wait_for_state(key, State.VERIFIED)
    after_look, in_all = time.monotonic() - looked_at, time.monotonic() - lost_at
    record_property("seconds_from_lost_event_to_verified", round(in_all, 1))
    print(f"{deployment.profile}: verified {in_all:.1f} s after its event was lost, {after_look:.1f} s after the look began")


def test_a_schedule_that_stopped_is_told_at_once_and_captured_in_its_place(
    deployment: Deployment, alone: ArtifactId, record_property: Any
) -> None:
    before = BackupKey(alone, slot_of_minute(190), Compression.ZSTD)
    deployment.fire(before.slot)
    deployment.wait_for_state(before, State.VERIFIED)
    due = datetime.now(UTC) - timedelta(minutes=25)
    with told(deployment, FLEETSAVE_SCHEDULES=schedule_of(str(due.minute), 60)):
        began = time.monotonic()
        report = look(deployment)
        assert {"schedule_stopped", "not_captured", "too_old"} <= kinds_of(report)
        assert published(deployment, "SchedulesStopped")[-1] == 1
        assert 1.5 < published(deployment, "OldestBackupRatio")[-1] < 2
        assert report["did"]["captures_requeued"] == 1
        made_up = BackupKey(alone, Slot.floor(due, timedelta(hours=1)), Compression.ZSTD)
        deployment.wait_for_state(made_up, State.VERIFIED)
        seconds = time.monotonic() - began
        record_property("seconds_from_look_to_verified", round(seconds, 1))
        print(f"{deployment.profile}: captured and verified in its place {seconds:.1f} s after the look began")
        assert not kinds_of(look(deployment)) & {"schedule_stopped", "not_captured", "too_old"}
        assert published(deployment, "SchedulesStopped")[-1] == 0
        assert published(deployment, "OldestBackupRatio")[-1] < 1


def test_the_alarm_that_is_deployed_comes_for_what_the_looks_published(deployment: Deployment, alone: ArtifactId) -> None:
    with told(deployment, FLEETSAVE_RPO_HOURS="0.001"):
        report = look(deployment)
    assert "too_old" in kinds_of(report), f"{alone} is to be seconds old"
    worst = published(deployment, "OldestBackupRatio")[-1]
    assert worst > 1
    alarms = deployment.stack.client("cloudwatch").describe_alarms(AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    (alarm,) = [one for one in alarms if "BackupsTooOldAlarm" in one["AlarmName"]]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["TreatMissingData"]) == ("fleetsave", "OldestBackupRatio", "breaching")
    fine = [(minute + 1 / 3, 0.5) for minute in range(-60, 0, 15)]
    assert first_alarm(alarm, [*fine, *((minute + 1 / 3, worst) for minute in range(0, 60, 15))], range(60)) == (18, 18)
    assert first_alarm(alarm, fine, range(-15, 120)) == (18, 63), "the last look was 15 minutes before"


@pytest.mark.soak
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("deployment", [Profile.MINISTACK], indirect=True, ids=str)
def test_how_long_a_lost_event_takes_to_its_repair_with_nothing_hurried(deployment: Deployment, record_property: Any) -> None:
    key = lose_the_event(deployment, minutes_ago=4)
    lost_at = time.monotonic()
    while deployment.state(key) is not State.VERIFIED:
        ask_for_a_look(deployment)
        time.sleep(20)
        assert time.monotonic() - lost_at < 1800
    minutes = (time.monotonic() - lost_at) / 60
    record_property("minutes_from_lost_event_to_verified", round(minutes, 1))
    print(f"from a lost event to its repair, with a look every 20 s: {minutes:.1f} min")
