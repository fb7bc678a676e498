"""How CloudWatch decides on an alarm, as its documentation has it: M of N data points, and what is missing.

It looks every minute, at the periods that end then, and at a few more than it is told to: "the exact number varies". Where N of
those have data, the newest N of them are taken and nothing counts as missing, which is why a dead man's switch takes longer than
its periods. `extra` is how many more; what holds for each of 0 to 3 holds for CloudWatch.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

EXTRA = (0, 1, 2, 3)
DELAY = 2
"""Minutes after which a metric that a function printed is surely there."""

Data = Sequence[tuple[float, float]]
"""When a value was published, in minutes, and the value."""

_BREACHES: dict[str, Callable[[float, float], bool]] = {"GreaterThanThreshold": float.__gt__, "LessThanThreshold": float.__lt__}
_STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {"Maximum": max, "Minimum": min, "Sum": sum, "SampleCount": len}


def states(alarm: Mapping[str, Any], data: Data, minutes: range, extra: int) -> list[str]:
    """Return the state of an alarm at each minute, OK before the first."""
    found = ["OK"]
    for minute in minutes:
        found.append(_state(alarm, _points(alarm, data, minute, extra), found[-1]))
    return found[1:]


def first_alarm(alarm: Mapping[str, Any], data: Data, minutes: range) -> tuple[int, int] | None:
    """Return the earliest and the latest minute at which an alarm can come, whatever CloudWatch looks at; None for never."""
    came = [
        next(
            (minute for minute, state in zip(minutes, states(alarm, data, minutes, extra), strict=True) if state == "ALARM"), None
        )
        for extra in EXTRA
    ]
    return (min(one for one in came if one is not None), max(one for one in came if one is not None)) if all(came) else None


def _points(alarm: Mapping[str, Any], data: Data, minute: int, extra: int) -> list[bool | None]:
    """Return, newest first, whether each period breaches; None where it has no data."""
    length, breaches = alarm["Period"] / 60, _BREACHES[alarm["ComparisonOperator"]]
    found: list[bool | None] = []
    for back in range(alarm["EvaluationPeriods"] + extra):
        end = minute - back * length
        values = [value for at, value in data if end - length < at + DELAY <= end]
        found.append(breaches(float(_STATISTICS[alarm["Statistic"]](values)), float(alarm["Threshold"])) if values else None)
    return found


def _state(alarm: Mapping[str, Any], points: Sequence[bool | None], before: str) -> str:
    wanted = alarm["EvaluationPeriods"]
    to_alarm = alarm.get("DatapointsToAlarm", wanted)
    there = [point for point in points if point is not None][:wanted]
    missing, bad = wanted - len(there), sum(there)
    treatment = alarm["TreatMissingData"]
    if bad >= to_alarm or (treatment == "breaching" and bad + missing >= to_alarm):
        return "ALARM"
    if treatment == "ignore" and bad + missing >= to_alarm:
        return before
    return "OK"
