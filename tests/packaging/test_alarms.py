"""Every way to fail silently has an alarm, which comes in the time that docs/alarms.md states."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from fleetsave.model.retention import CLOCK_TOLERANCE
from tests.packaging.cloudwatch import EXTRA, Data, first_alarm, states
from tests.packaging.deployments import EXTERNAL, OWN, PROJECT, Deployment

FUNCTIONS = ("Dispatch", "Collect", "Verify", "Prune", "Recover", "Watchdog", "Api")
QUEUES = FUNCTIONS[:-1]
BOTH = pytest.mark.parametrize("deployment", [OWN, EXTERNAL], ids=["own-bucket", "external-store"])
ALARMS: dict[str, dict[str, Any]] = OWN.of_type("AWS::CloudWatch::Alarm")
PAGE = (PROJECT / "docs" / "alarms.md").read_text()
CODE = "".join(path.read_text() for folder in ("functions", "layers/fleetsave") for path in (PROJECT / folder).rglob("*.py"))
COUNTED = sorted({*re.findall(r'count\("([A-Z]\w+)"', CODE), *re.findall(r'"([A-Z]\w+Failed)"', CODE)} - {"NoticesFailed"})
"""What functions count as it happens; the watchdog publishes its own at each look."""
LOOK = 15
"""Minutes between two looks of the watchdog."""


def dimension(alarm: dict[str, Any]) -> dict[str, str]:
    (found,) = alarm["Dimensions"]
    return {found["Name"]: found["Value"]}


def is_published(metric: str) -> bool:
    """Tell whether the code names a metric, as it is or as what a look did (`captures_requeued`)."""
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", metric).lower()
    return f'"{metric}"' in CODE or f'"{snake}"' in CODE


# ---- what is watched -----------------------------------------------------------------------------------------------------------


def test_the_page_of_alarms_and_the_template_name_the_same_alarms() -> None:
    assert sorted(re.findall(r"^\| `(\w+Alarm)` \|", PAGE, re.MULTILINE)) == sorted(ALARMS)


@pytest.mark.parametrize("name", ALARMS)
def test_the_mail_of_an_alarm_ends_with_the_first_step_that_the_page_gives(name: str) -> None:
    (first,) = re.findall(rf"^\| `{name}` \|.*\|.*\| (.*) \|$", PAGE, re.MULTILINE)
    step = re.sub(r"\[[^]]*\]\(([\w.-]+)\)", r"docs/\1", first).replace("**", "")
    assert ALARMS[name]["AlarmDescription"].endswith(f". First: {step}")
    assert len(ALARMS[name]["AlarmDescription"]) <= 1024, "CloudWatch takes no more"


@pytest.mark.parametrize("metric", COUNTED)
def test_whatever_a_function_counts_is_shown_on_the_dashboard(metric: str) -> None:
    (board,) = OWN.of_type("AWS::CloudWatch::Dashboard").values()
    assert f'"fleetsave", "{metric}"' in board["DashboardBody"]


def test_whatever_is_counted_as_trouble_raises_an_alarm() -> None:
    assert {alarm["MetricName"] for alarm in ALARMS.values() if alarm["Namespace"] == "fleetsave"} == {
        "OldestBackupRatio",
        "SchedulesStopped",
        "CapturesMissing",
        "VerificationsMissing",
        "FleetFileWrong",
        "RecordsWithoutObject",
        "ObjectsWithoutRecord",
        "StaleUploads",
        "Unreadable",
        "ClockOffsetSeconds",
        "NoticesFailed",
        "ArtifactsGrowing",
        "ArtifactsNotPruned",
        "ArtifactsNotInFleet",
        "CollectFailed",
        "BackupsInconclusive",
        "BackupsRejected",
        "BackupsSuspect",
        "PruneRefused",
        "PruneRetained",
        "RecoverFailed",
        "RecoveriesFailed",
        "RecoveriesUnresolved",
    }


@pytest.mark.parametrize("name", [name for name, alarm in ALARMS.items() if alarm["Namespace"] == "fleetsave"])
def test_an_alarm_watches_a_metric_that_the_code_publishes(name: str) -> None:
    assert is_published(ALARMS[name]["MetricName"])
    assert dimension(ALARMS[name]) == {"service": "fleetsave"}


@BOTH
def test_every_dead_letter_queue_serves_something_and_raises_an_alarm(deployment: Deployment) -> None:
    dead_letters = {name for name in deployment.of_type("AWS::SQS::Queue") if name.endswith("Dlq")}
    assert dead_letters == {f"{name}Dlq" for name in (*QUEUES, "Schedule", "Rule")}
    for name in dead_letters:
        assert json.dumps(deployment.resources).count(f'"{name}.Arn"') >= 1
        alarm = deployment.of_type("AWS::CloudWatch::Alarm")[f"{name}Alarm"]
        assert (alarm["MetricName"], alarm["Threshold"]) == ("ApproximateNumberOfMessagesVisible", 0)
        assert dimension(alarm) == {"QueueName": f"{name}.QueueName"}


@pytest.mark.parametrize("name", QUEUES)
def test_a_message_that_waits_too_long_raises_an_alarm_before_it_expires(name: str) -> None:
    alarm, queue = ALARMS[f"{name}QueueAgeAlarm"], OWN.of_type("AWS::SQS::Queue")[f"{name}Queue"]
    assert (alarm["MetricName"], dimension(alarm)) == ("ApproximateAgeOfOldestMessage", {"QueueName": f"{name}Queue.QueueName"})
    assert alarm["Threshold"] + alarm["Period"] < queue["MessageRetentionPeriod"]
    assert alarm["Threshold"] >= 3 * 180, "what is tried again and then works is no news"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_that_crashes_or_is_not_let_run_raises_an_alarm(name: str) -> None:
    errors, throttles = ALARMS[f"{name}ErrorsAlarm"], ALARMS[f"{name}ThrottlesAlarm"]
    if name == "Api":
        assert (errors["Namespace"], errors["MetricName"]) == ("AWS/ApiGateway", "5XXError")
        assert dimension(errors) == {"ApiName": OWN.of_type("AWS::ApiGateway::RestApi")["Api"]["Name"]}
    else:
        assert (errors["Namespace"], errors["MetricName"]) == ("AWS/Lambda", "Errors")
        assert dimension(errors) == {"FunctionName": f"{name}Function"}
    assert (throttles["Namespace"], throttles["MetricName"]) == ("AWS/Lambda", "Throttles")
    assert dimension(throttles) == {"FunctionName": f"{name}Function"}


def test_an_alarm_on_a_state_says_when_it_is_over_and_one_on_an_event_does_not() -> None:
    for name, alarm in ALARMS.items():
        assert alarm["AlarmActions"] == ["Alerts"], name
        assert alarm.get("OKActions") == (None if alarm["Statistic"] == "Sum" else ["Alerts"]), name


def test_only_the_dead_mans_switches_take_missing_data_for_the_worst() -> None:
    breaching = {name for name, alarm in ALARMS.items() if alarm["TreatMissingData"] == "breaching"}
    assert breaching == {"BackupsTooOldAlarm", "WatchdogStoppedAlarm"}


def test_the_clocks_alarms_begin_where_prune_and_watchdog_end() -> None:
    ahead, behind, limit = ALARMS["ClockAheadAlarm"], ALARMS["ClockBehindAlarm"], CLOCK_TOLERANCE.total_seconds()
    assert (ahead["Statistic"], ahead["ComparisonOperator"], ahead["Threshold"]) == ("Maximum", "GreaterThanThreshold", limit)
    assert (behind["Statistic"], behind["ComparisonOperator"], behind["Threshold"]) == (
        "Minimum",
        "LessThanThreshold",
        -limit,
    )


# ---- when it comes -------------------------------------------------------------------------------------------------------------


def looks(value: Callable[[int], float], *, last: int = 300) -> Data:
    """Return what is published by looks up to minute `last`, 20 s after each was due."""
    return [(minute + 1 / 3, value(minute)) for minute in range(-120, last + 1, LOOK)]


def when(name: str, data: Data) -> tuple[int, int] | None:
    return first_alarm(ALARMS[name], data, range(300))


def stated(name: str) -> set[tuple[int, int]]:
    """Return the spans of minutes that the page's first table states beside an alarm."""
    rows = [row for row in PAGE.splitlines() if row.count("|") == 4 and f"`{name}`" in row]
    return {(int(early), int(late)) for row in rows for early, late in re.findall(r"(\d+) to (\d+) min", row)}


@pytest.mark.parametrize(("name", "span"), [("BackupsTooOldAlarm", (33, 78)), ("WatchdogStoppedAlarm", (38, 53))])
def test_a_watchdog_that_stops_is_missed(name: str, span: tuple[int, int]) -> None:
    assert when(name, looks(lambda _minute: 0.5, last=0)) == span
    assert span in stated(name)


@pytest.mark.parametrize("name", ["BackupsTooOldAlarm", "WatchdogStoppedAlarm"])
@pytest.mark.parametrize("late", [0, 4])
def test_one_look_that_fails_or_comes_late_is_no_news(name: str, late: int) -> None:
    data = [(at + late * (at // LOOK % 3 == 0), value) for at, value in looks(lambda _minute: 0.9) if round(at) != LOOK]
    assert when(name, data) is None


def test_what_is_too_old_is_told_at_the_second_look_that_sees_it() -> None:
    assert when("BackupsTooOldAlarm", looks(lambda minute: 1.2 if minute >= 0 else 0.8)) == (18, 18)
    assert (18, 18 + LOOK) in stated("BackupsTooOldAlarm")


@pytest.mark.parametrize(
    ("name", "after"),
    [("SchedulesStoppedAlarm", 3), ("CapturesMissingAlarm", 48), ("FleetFileAlarm", 3), ("UnreadableAlarm", 18)],
)
def test_what_the_watchdog_counts_is_told_after_as_many_looks_as_the_page_says(name: str, after: int) -> None:
    seen = looks(lambda minute: float(minute >= 0))
    assert when(name, seen) == (after, after)
    (row,) = re.findall(rf"^\| `{name}` \|.*$", PAGE, re.MULTILINE)
    words = {3: "one look", 18: "two looks in a row", 48: "four looks in a row"}
    assert words[after] in row
    for early, late in stated(name):
        assert (early, late) == (15 + after, 15 + after + LOOK), "overdue after 15 min, seen at the next look"


def test_a_capture_that_fails_and_then_works_is_no_news_and_one_that_goes_on_failing_is() -> None:
    failed = [(minute + 1 / 3, 1.0) for minute in range(0, 64, 16)]
    assert when("CollectFailedAlarm", failed[:2]) is None
    assert when("CollectFailedAlarm", failed) == (35, 35), "a job that failed is tried again after 16 min"


def test_between_two_looks_an_alarm_stays_as_it_is_and_ends_with_the_first_good_look() -> None:
    seen = looks(lambda minute: float(0 <= minute < 60))
    for extra in EXTRA:
        found = states(ALARMS["SchedulesStoppedAlarm"], seen, range(120), extra)
        assert "".join(state[0] for state in found) == "OOO" + "A" * 60 + "O" * 57


# ---- the dashboard -------------------------------------------------------------------------------------------------------------


@BOTH
def test_the_dashboard_asks_the_operators_questions_in_their_order_and_shows_every_alarm(deployment: Deployment) -> None:
    (board,) = deployment.of_type("AWS::CloudWatch::Dashboard").values()
    widgets = json.loads(board["DashboardBody"])["widgets"]
    headings = [widget["properties"]["markdown"].splitlines()[0] for widget in widgets if widget["type"] == "text"]
    assert headings == ["# Is everything safe?", "# What is happening?", "# What went wrong?", "# How much is there?"]
    assert [widget["y"] for widget in widgets] == sorted(widget["y"] for widget in widgets)
    shown = [arn for widget in widgets for arn in widget["properties"].get("alarms", [])]
    assert sorted(shown) == sorted(f"<{name}.Arn>" for name in deployment.of_type("AWS::CloudWatch::Alarm"))


def test_the_dashboards_widgets_do_not_overlap_and_show_what_is_published() -> None:
    (board,) = OWN.of_type("AWS::CloudWatch::Dashboard").values()
    taken: set[tuple[int, int]] = set()
    for widget in json.loads(board["DashboardBody"])["widgets"]:
        cells = {
            (widget["x"] + right, widget["y"] + down) for right in range(widget["width"]) for down in range(widget["height"])
        }
        assert not taken & cells
        assert all(right < 24 for right, _ in cells)
        taken |= cells
        for metric in widget["properties"].get("metrics", []):
            assert metric[0] != "fleetsave" or is_published(metric[1]), metric
