"""What functions print reaches its log file, CloudWatch Logs and CloudWatch."""

import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from fleetsave.local.function_output import FunctionOutput, embedded_metrics

METRIC = {
    "_aws": {
        "Timestamp": 1,
        "CloudWatchMetrics": [
            {"Namespace": "fleetsave", "Dimensions": [["service"], []], "Metrics": [{"Name": "Stored", "Unit": "Count"}]}
        ],
    },
    "service": "collect",
    "Stored": [2, 3],
}


class AlreadyExistsError(Exception):
    """What a logs client raises for a group or stream that is there."""


class FakeCloudWatch:
    """The logs and the metrics client in one."""

    class exceptions:  # noqa: N801 - botocore's name
        ResourceAlreadyExistsException = AlreadyExistsError

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.metrics: list[tuple[str, Any]] = []
        self.fails = False

    def create_log_group(self, **_names: str) -> None:
        raise AlreadyExistsError

    def create_log_stream(self, **_names: str) -> None:
        if self.fails:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    def put_log_events(self, *, logEvents: list[dict[str, Any]], **_names: str) -> None:  # noqa: N803 - botocore's name
        self.messages += [event["message"] for event in logEvents]

    def put_metric_data(self, *, Namespace: str, MetricData: Any) -> None:  # noqa: N803 - botocore's names
        self.metrics.append((Namespace, MetricData))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_lines_reach_the_file_and_cloudwatch_without_the_platforms_own(tmp_path: Path) -> None:
    cloudwatch = FakeCloudWatch()
    output = FunctionOutput(tmp_path, cloudwatch, cloudwatch)
    printed = f"START RequestId: 1\nhello\n\n{json.dumps(METRIC)}\nEND RequestId: 1\n".encode()
    output.follow("collect", "stream", io.BytesIO(printed))
    wait_for(lambda: len(cloudwatch.metrics) == 2)
    assert cloudwatch.messages == ["hello", json.dumps(METRIC)]
    assert (tmp_path / "collect.log").read_bytes() == printed


def test_what_cloudwatch_does_not_take_is_told_and_the_rest_goes_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cloudwatch = FakeCloudWatch()
    cloudwatch.fails = True
    output = FunctionOutput(tmp_path, cloudwatch, cloudwatch)
    output.follow("collect", "first", io.BytesIO(b"lost\n"))
    wait_for(lambda: "CloudWatch did not take the output of collect" in capfd.readouterr().err)
    cloudwatch.fails = False
    output.follow("collect", "second", io.BytesIO(b"found\n"))
    wait_for(lambda: cloudwatch.messages == ["found"])
    assert (tmp_path / "collect.log").read_text() == "lost\nfound\n"


def test_embedded_metrics_are_read_with_each_set_of_dimensions() -> None:
    (first, data), (_, without) = embedded_metrics(json.dumps(METRIC))
    assert first == "fleetsave"
    assert data == [
        {
            "MetricName": "Stored",
            "Unit": "Count",
            "Dimensions": [{"Name": "service", "Value": "collect"}],
            "Values": [2.0, 3.0],
        }
    ]
    assert without[0]["Dimensions"] == []


WITHOUT_VALUE = json.dumps({**METRIC, "Stored": None})


@pytest.mark.parametrize("text", [WITHOUT_VALUE, "", "plain", '{"_aws": 1}', '{"_aws": ', '"_aws"', "{}"])
def test_other_lines_have_no_metrics(text: str) -> None:
    assert embedded_metrics(text) == []
