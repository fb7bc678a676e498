"""Where the output of functions goes: a log file each, CloudWatch Logs and, for embedded metrics, CloudWatch."""

import json
import queue
import re
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError

_PLATFORM_LINE = re.compile(r"(START|END|REPORT) RequestId: ")
"""The emulator writes these lines to CloudWatch Logs itself."""


@dataclass(frozen=True)
class Line:
    """One line a function printed; `at` is in milliseconds since 1970, `stream` names the environment it ran in."""

    function: str
    stream: str
    at: int
    text: str


class FunctionOutput:
    """Takes the output of every environment; a thread of its own passes it on to CloudWatch in batches.

    What CloudWatch does not take is reported on standard error and is in the log file all the same.
    """

    def __init__(self, folder: Path, logs: Any, metrics: Any) -> None:
        self._folder = folder
        self._logs = logs
        self._metrics = metrics
        self._lines: queue.SimpleQueue[Line] = queue.SimpleQueue()
        self._streams: set[tuple[str, str]] = set()
        folder.mkdir(parents=True, exist_ok=True)
        threading.Thread(target=self._pass_on, name="function-output", daemon=True).start()

    def follow(self, function: str, stream: str, output: IO[bytes]) -> None:
        """Read an environment's output until it ends, in a thread of its own."""
        threading.Thread(target=self._read, args=(function, stream, output), name=f"output-{stream}", daemon=True).start()

    def _read(self, function: str, stream: str, output: IO[bytes]) -> None:
        with output, (self._folder / f"{function}.log").open("ab", buffering=0) as log:
            for raw in output:
                log.write(raw)
                text = raw.decode("utf-8", "replace").rstrip()
                if text and not _PLATFORM_LINE.match(text):
                    self._lines.put(Line(function, stream, int(time.time() * 1000), text))

    def _pass_on(self) -> None:
        while True:
            by_stream: dict[tuple[str, str], list[Line]] = defaultdict(list)
            line = self._lines.get()
            by_stream[line.function, line.stream].append(line)
            while not self._lines.empty():
                line = self._lines.get()
                by_stream[line.function, line.stream].append(line)
            for (function, stream), lines in by_stream.items():
                try:
                    self._put(function, stream, lines)
                except (ClientError, BotoCoreError) as error:
                    print(f"CloudWatch did not take the output of {function}: {error}", file=sys.stderr, flush=True)

    def _put(self, function: str, stream: str, lines: Iterable[Line]) -> None:
        group = f"/aws/lambda/{function}"
        if (function, stream) not in self._streams:
            self._create(self._logs.create_log_group, logGroupName=group)
            self._create(self._logs.create_log_stream, logGroupName=group, logStreamName=stream)
            self._streams.add((function, stream))
        events = [{"timestamp": line.at, "message": line.text} for line in lines]
        self._logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
        for line in lines:
            for namespace, data in embedded_metrics(line.text):
                self._metrics.put_metric_data(Namespace=namespace, MetricData=data)

    def _create(self, create: Callable[..., object], **names: str) -> None:
        try:
            create(**names)
        except self._logs.exceptions.ResourceAlreadyExistsException:
            return  # the template made it, or an environment before


def embedded_metrics(text: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the metrics in a line of CloudWatch's embedded metric format: (namespace, MetricData) each; none in another line."""
    if '"_aws"' not in text:
        return []
    try:
        document = json.loads(text)
        return [
            (directive["Namespace"], [_datum(document, metric, dimensions) for metric in directive["Metrics"]])
            for directive in document["_aws"]["CloudWatchMetrics"]
            for dimensions in directive["Dimensions"] or [[]]
        ]
    except (ValueError, KeyError, TypeError):
        return []  # CloudWatch, too, keeps a malformed line as an ordinary one


def _datum(document: Mapping[str, Any], metric: Mapping[str, Any], dimensions: Iterable[str]) -> dict[str, Any]:
    values = document[metric["Name"]]
    return {
        "MetricName": metric["Name"],
        "Unit": metric.get("Unit", "None"),
        "Dimensions": [{"Name": name, "Value": str(document[name])} for name in dimensions],
        "Values": [float(value) for value in (values if isinstance(values, list) else [values])],
    }
