"""What template.yaml deploys: queues with dead-letter queues, schedules at the mission's periods, a bucket that keeps."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fleetsave.dispatch.event import parse_event
from fleetsave.model.kinds import Kind
from fleetsave.settings import Settings, variable
from fleetsave.watchdog.event import parse_event as parse_watchdog_event
from tests.fixtures import collect_process
from tests.packaging.deployments import EXTERNAL, OWN, PROJECT, Deployment, transformed

FUNCTIONS = ("dispatch", "collect", "verify", "prune", "recover", "watchdog", "api")
QUEUED = ("Dispatch", "Collect", "Verify", "Prune", "Recover", "Watchdog")
BOTH = pytest.mark.parametrize("deployment", [OWN, EXTERNAL], ids=["own-bucket", "external-store"])


def queues(deployment: Deployment) -> dict[str, Any]:
    return {name: queue for name, queue in deployment.of_type("AWS::SQS::Queue").items() if not name.endswith("Dlq")}


def dead_letter_queues(deployment: Deployment) -> dict[str, Any]:
    return {name: queue for name, queue in deployment.of_type("AWS::SQS::Queue").items() if name.endswith("Dlq")}


def function_variables(deployment: Deployment, function: str) -> dict[str, str]:
    properties = deployment.of_type("AWS::Lambda::Function")[f"{function.capitalize()}Function"]
    return {name: str(value) for name, value in properties["Environment"]["Variables"].items()}


def test_what_sam_makes_of_the_template_is_sound(tmp_path: Path) -> None:
    template = tmp_path / "template.json"
    template.write_text(json.dumps(transformed()))
    linter = Path(sys.executable).with_name("cfn-lint")
    command = [str(linter), "--regions", "us-east-1", "eu-central-1", "--template", str(template)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_every_parameter_says_what_it_is_for() -> None:
    assert [name for name, parameter in transformed()["Parameters"].items() if len(parameter.get("Description", "")) < 10] == []


# ---- functions ---------------------------------------------------------------------------------------------------------------


def test_every_function_has_a_door_events_and_tests() -> None:
    deployed = {name.removesuffix("Function").lower() for name in OWN.of_type("AWS::Lambda::Function")}
    assert deployed == set(FUNCTIONS)
    for function in FUNCTIONS:
        assert (PROJECT / "functions" / function / "app.py").is_file()
        assert list((PROJECT / "events" / function).glob("*.json"))
        assert list((PROJECT / "tests" / "unit" / function).glob("test_*.py"))
        assert (PROJECT / "tests" / "functions" / f"test_{function}.py").is_file()


@pytest.mark.parametrize(
    ("function", "memory", "timeout", "storage"),
    [
        ("dispatch", 512, 120, None),
        ("collect", 1769, 900, "2048"),
        ("verify", 2048, 900, "10240"),
        ("prune", 1769, 900, None),
        ("recover", 1769, 900, "2048"),
        ("watchdog", 1024, 600, None),
        ("api", 1024, 28, None),
    ],
)
def test_every_function_has_the_size_it_was_measured_to_need(
    function: str, memory: int, timeout: int, storage: str | None
) -> None:
    properties = OWN.of_type("AWS::Lambda::Function")[f"{function.capitalize()}Function"]
    assert (properties["MemorySize"], properties["Timeout"]) == (memory, timeout)
    assert properties.get("EphemeralStorage") == ({"Size": storage} if storage else None)
    assert (properties["Runtime"], properties["Architectures"], properties["Handler"]) == ("python3.13", ["arm64"], "app.handler")
    layers = [layer.rstrip("0123456789abcdef") for layer in properties["Layers"]]
    runs_postgresql = function in {"collect", "verify", "recover"}
    assert layers == ["FleetsaveLayer", "DependenciesLayer", *(["PostgresLayer"] if runs_postgresql else [])]


def test_only_collect_and_recover_may_call_themselves_again() -> None:
    functions = OWN.of_type("AWS::Lambda::Function")
    assert {name: function.get("RecursiveLoop") for name, function in functions.items() if "RecursiveLoop" in function} == {
        "CollectFunction": "Allow",
        "RecoverFunction": "Allow",
    }


def test_every_function_logs_json_into_a_group_that_forgets() -> None:
    groups = OWN.of_type("AWS::Logs::LogGroup")
    for name, function in OWN.of_type("AWS::Lambda::Function").items():
        assert function["LoggingConfig"]["LogFormat"] == "JSON"
        group = groups[function["LoggingConfig"]["LogGroup"]]
        assert group["LogGroupName"] == f"/aws/lambda/{function['FunctionName']}", name
        assert group["RetentionInDays"] == "90"


@BOTH
def test_every_setting_is_given_to_a_function_and_nothing_else_is(deployment: Deployment) -> None:
    given = {name for function in FUNCTIONS for name in function_variables(deployment, function)}
    assert given == {variable(name) for name in Settings.model_fields} | set(collect_process.MEMORY)


def test_collect_manages_memory_as_it_does_where_its_memory_is_measured() -> None:
    given = function_variables(OWN, "collect")
    assert {name: given.get(name) for name in collect_process.MEMORY} == collect_process.MEMORY


@BOTH
@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_a_function_is_given_is_valid_settings(deployment: Deployment, function: str) -> None:
    settings = Settings.from_environment(function_variables(deployment, function))
    assert settings.bucket == ("Bucket" if deployment is OWN else "backups")
    assert settings.store_secret == (None if deployment is OWN else "fleetsave/store")
    assert (settings.collect_queue_url is None) == (function in {"prune", "api"})
    assert (settings.recover_queue_url is None) == (function not in {"recover", "api"})
    assert (settings.verify_queue_url, settings.alerts_topic) == (
        ("VerifyQueue", "Alerts") if function == "watchdog" else (None, None)
    )
    assert settings.announce_source == ("fleetsave.store" if function == "collect" and deployment is EXTERNAL else None)


# ---- queues ------------------------------------------------------------------------------------------------------------------


@BOTH
def test_every_queue_has_a_dead_letter_queue_of_its_own_kind(deployment: Deployment) -> None:
    behind = {name: queue["RedrivePolicy"]["deadLetterTargetArn"] for name, queue in queues(deployment).items()}
    assert behind == {f"{name}Queue": f"{name}Dlq.Arn" for name in QUEUED}
    for name, queue in queues(deployment).items():
        dead_letters = dead_letter_queues(deployment)[behind[name].removesuffix(".Arn")]
        assert queue.get("FifoQueue") == dead_letters.get("FifoQueue"), name
        assert queue["RedrivePolicy"]["maxReceiveCount"] >= 3
        assert dead_letters["MessageRetentionPeriod"] == 14 * 24 * 3600


@pytest.mark.parametrize("name", ["CollectQueue", "RecoverQueue"])
def test_jobs_of_one_server_run_one_at_a_time_and_those_of_several_side_by_side(name: str) -> None:
    queue = queues(OWN)[name]
    assert queue["FifoQueue"] is True
    assert queue["DeduplicationScope"] == "messageGroup"
    assert queue["FifoThroughputLimit"] == "perMessageGroupId"


@BOTH
def test_every_function_but_the_api_is_fed_by_a_queue_one_message_a_call_failures_reported(deployment: Deployment) -> None:
    mappings = deployment.of_type("AWS::Lambda::EventSourceMapping").values()
    assert {mapping["FunctionName"]: mapping["EventSourceArn"] for mapping in mappings} == {
        f"{name}Function": f"{name}Queue.Arn" for name in QUEUED
    }
    for mapping in mappings:
        assert mapping["BatchSize"] == 1
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert isinstance(mapping["ScalingConfig"]["MaximumConcurrency"], int)
        function = deployment.of_type("AWS::Lambda::Function")[mapping["FunctionName"]]
        queue = queues(deployment)[mapping["EventSourceArn"].removesuffix(".Arn")]
        assert queue["VisibilityTimeout"] > function["Timeout"]
    callers = deployment.of_type("AWS::Lambda::Permission").values()
    assert {permission["FunctionName"] for permission in callers} == {"ApiFunction"}


def test_a_job_is_gone_before_its_snapshot_is_swept() -> None:
    assert queues(OWN)["CollectQueue"]["MessageRetentionPeriod"] < 24 * 3600


# ---- schedules and the rule ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expression", "minutes"),
    [
        (Kind.DATABASE, "cron(0 * * * ? *)", 60),
        (Kind.POSTGRESQL, "cron(0 * * * ? *)", 60),
        (Kind.FILES, "cron(0 */6 * * ? *)", 360),
        (Kind.FULL, "cron(0 0 * * ? *)", 1440),
    ],
)
def test_each_kind_is_captured_at_the_missions_period(kind: Kind, expression: str, minutes: int) -> None:
    schedule = OWN.of_type("AWS::Scheduler::Schedule")[f"Schedule{kind.capitalize()}"]
    assert schedule["ScheduleExpression"] == expression
    assert schedule["Target"]["Arn"] == "DispatchQueue.Arn"
    message = json.loads(schedule["Target"]["Input"])
    assert message == {"kind": kind, "slot": "<aws.scheduler.scheduled-time>", "period_minutes": minutes}
    scheduled = schedule["Target"]["Input"].replace("<aws.scheduler.scheduled-time>", "2024-01-01T18:00:00Z")
    found, slot = parse_event(scheduled, datetime(2024, 1, 1, 18, 0, 5, tzinfo=UTC))
    assert (found, slot.text) == (kind, "20240101_000000" if kind is Kind.FULL else "20240101_180000")


@pytest.mark.parametrize("function", ["watchdog", "collect"])
def test_who_asks_what_is_due_is_told_every_schedule_as_the_scheduler_has_it(function: str) -> None:
    settings = Settings.from_environment(function_variables(OWN, function))
    scheduled = OWN.of_type("AWS::Scheduler::Schedule")
    assert settings.schedules is not None
    assert {kind: schedule.cron for kind, schedule in settings.schedules.items()} == {
        kind: scheduled[f"Schedule{kind.capitalize()}"]["ScheduleExpression"] for kind in Kind
    }
    assert {kind: schedule.period_minutes for kind, schedule in settings.schedules.items()} == {
        kind: json.loads(scheduled[f"Schedule{kind.capitalize()}"]["Target"]["Input"])["period_minutes"] for kind in Kind
    }


def test_schedules_that_are_stopped_on_purpose_leave_the_watchdog_looking_and_nothing_missing_or_late() -> None:
    paused = Deployment({"ScheduleState": "DISABLED"})
    states = {name: schedule["State"] for name, schedule in paused.of_type("AWS::Scheduler::Schedule").items()}
    assert states.pop("ScheduleWatchdog") == "ENABLED"
    assert set(states.values()) == {"DISABLED"}
    for function in ("watchdog", "collect"):
        assert Settings.from_environment(function_variables(paused, function)).schedules == {}


@pytest.mark.parametrize(
    "schedule", ["rate(1 hour)", "cron(0 * * * ? 2030)", 'cron(0 * * * ? *)","x":"(*)', "at(2030-01-01T00:00:00)"]
)
def test_a_schedule_that_the_watchdog_could_not_follow_is_refused_by_the_template(schedule: str) -> None:
    parameters = {name: given for name, given in transformed()["Parameters"].items() if name.endswith("Schedule")}
    assert set(parameters) == {f"{kind.capitalize()}Schedule" for kind in Kind} | {"PruneSchedule", "WatchdogSchedule"}
    for name in parameters.keys() - {"PruneSchedule"}:
        pattern = parameters[name]["AllowedPattern"]
        assert re.fullmatch(pattern, parameters[name]["Default"])
        assert re.fullmatch(pattern, "cron(15 10 ? * MON-FRI,SUN#2 *)")
        assert not re.fullmatch(pattern, schedule), name


def test_the_watchdog_looks_every_fifteen_minutes() -> None:
    schedule = OWN.of_type("AWS::Scheduler::Schedule")["ScheduleWatchdog"]
    assert schedule["ScheduleExpression"] == "cron(0/15 * * * ? *)"
    assert schedule["Target"]["Arn"] == "WatchdogQueue.Arn"
    message = schedule["Target"]["Input"].replace("<aws.scheduler.scheduled-time>", "2024-01-01T18:15:00Z")
    assert parse_watchdog_event(message) is True


def test_looks_come_one_after_the_other_and_one_that_is_delivered_twice_is_one() -> None:
    queue, target = queues(OWN)["WatchdogQueue"], OWN.of_type("AWS::Scheduler::Schedule")["ScheduleWatchdog"]["Target"]
    assert (queue["FifoQueue"], queue["ContentBasedDeduplication"]) == (True, True)
    assert target["SqsParameters"] == {"MessageGroupId": "looks"}


def test_the_secret_of_notices_lies_under_the_prefix_and_can_be_no_servers_key() -> None:
    told = Deployment({"NoticeSecret": "notices"})
    assert Settings.from_environment(function_variables(told, "watchdog")).notice_secret == "fleetsave/notices"
    assert Settings.from_environment(function_variables(OWN, "watchdog")).notice_secret is None
    assert not re.fullmatch(transformed()["Parameters"]["NoticeSecret"]["AllowedPattern"], "ssh/read-server_001")


def test_prune_runs_daily() -> None:
    schedule = OWN.of_type("AWS::Scheduler::Schedule")["SchedulePrune"]
    assert schedule["ScheduleExpression"] == "cron(30 4 * * ? *)"
    assert schedule["Target"]["Arn"] == "PruneQueue.Arn"
    assert json.loads(schedule["Target"]["Input"]) == {"scheduled_time": "<aws.scheduler.scheduled-time>"}


def test_every_kind_has_a_schedule() -> None:
    assert set(OWN.of_type("AWS::Scheduler::Schedule")) == {f"Schedule{kind.capitalize()}" for kind in Kind} | {
        "SchedulePrune",
        "ScheduleWatchdog",
    }


@BOTH
def test_a_schedule_that_cannot_be_delivered_is_kept(deployment: Deployment) -> None:
    for name, schedule in deployment.of_type("AWS::Scheduler::Schedule").items():
        target = schedule["Target"]
        assert target["Arn"].removesuffix(".Arn") in queues(deployment), name
        assert target["DeadLetterConfig"] == {"Arn": "ScheduleDlq.Arn"}
        assert target["RoleArn"] == "ScheduleRole.Arn"
        assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0
        assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
        assert schedule["State"] == "ENABLED"


@pytest.mark.parametrize(
    ("deployment", "source", "bucket"),
    [(OWN, "aws.s3", "Bucket"), (EXTERNAL, "fleetsave.store", "backups")],
    ids=["own", "external"],
)
def test_new_backups_and_their_records_go_to_verify(deployment: Deployment, source: str, bucket: str) -> None:
    rule = deployment.of_type("AWS::Events::Rule")["StoredRule"]
    assert rule["EventPattern"] == {
        "source": [source],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [bucket]},
            "object": {"key": [{"prefix": "servers/"}, {"prefix": "central/"}, {"suffix": "/stored.json"}]},
        },
    }
    assert rule["Targets"] == [{"Id": "verify", "Arn": "VerifyQueue.Arn", "DeadLetterConfig": {"Arn": "RuleDlq.Arn"}}]
    policy = deployment.of_type("AWS::SQS::QueuePolicy")["StoredRuleMaySend"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert policy["Queues"] == ["VerifyQueue", "RuleDlq"]
    assert statement["Resource"] == ["VerifyQueue.Arn", "RuleDlq.Arn"]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": "StoredRule.Arn"}}
