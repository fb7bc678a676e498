"""What is pinged for, which is proof alone: the fleet in every look, an artifact once for each backup that was newly verified."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fleetsave.model.errors import FleetsaveError, InvalidInputError
from fleetsave.model.keys import BackupKey
from fleetsave.model.watch import ArtifactWatch, WatchReport
from fleetsave.notices.addresses import FLEET
from fleetsave.notices.digest import is_safe
from fleetsave.notices.ports import Ping
from fleetsave.notices.words import copy, count, plain

SECONDS = 20.0
"""What all pings together may take in a look; an artifact's that is not sent is sent in the next one."""

_SECONDS_EACH = 5.0
_MOST_FAILURES = 3
"""After so many nothing more is sent in a look: the service is not there."""

_FIRST_FEW = 5


@dataclass(frozen=True)
class Pinged:
    """What came of it: the newest verified backup pinged for, by artifact; how many were answered; and what failed."""

    newest: Mapping[str, str]
    sent: int
    failures: Sequence[FleetsaveError]


def ping(report: WatchReport, pings: Mapping[str, Ping], before: Mapping[str, str], seconds: Callable[[], float]) -> Pinged:
    """Ping for what a look proves; `before` holds the backups that were pinged for already, and `seconds` counts time."""
    until, newest, sent = seconds() + SECONDS, {name: key for name, key in before.items() if name in pings}, 0
    failures: list[FleetsaveError] = []
    for name, call in _due(report, pings, newest):
        remaining = min(until - seconds(), _SECONDS_EACH)
        if remaining <= 0 or len(failures) >= _MOST_FAILURES:
            break
        try:
            call(remaining)
        except FleetsaveError as error:
            failures.append(error)
            continue
        sent += 1
        watch = _watched(report).get(name)
        if watch is not None and watch.newest_verified_key:
            newest[name] = watch.newest_verified_key
    return Pinged(newest, sent, failures)


def _due(report: WatchReport, pings: Mapping[str, Ping], before: Mapping[str, str]) -> list[tuple[str, Callable[[float], None]]]:
    """Return the pings to send, by name, the fleet's first."""
    due: list[tuple[str, Callable[[float], None]]] = []
    if FLEET in pings:
        text, failed = _state(report)
        due.append((FLEET, lambda left: pings[FLEET].call(text, left, failed=failed)))
    for name, watch in _watched(report).items():
        if name in pings and _is_news(watch, before.get(name)):
            due.append((name, _call(pings[name], f"verified: {copy(str(watch.newest_verified_key))}")))
    return due


def _call(one: Ping, text: str) -> Callable[[float], None]:
    return lambda left: one.call(text, left)


def _state(report: WatchReport) -> tuple[str, bool]:
    """Return the state of the fleet in a line, and whether it is bad: something is not within its target, or nothing watched."""
    unsafe = [one.artifact for one in report.artifacts if not is_safe(one)]
    total = count(len(report.artifacts), "artifact")
    if not unsafe:
        return f"{total} within target", not report.artifacts
    names = ", ".join(plain(name) for name in unsafe[:_FIRST_FEW])
    return f"{len(unsafe):,} of {total} not within target: {names}{', ...' if len(unsafe) > _FIRST_FEW else ''}", True


def _is_news(watch: ArtifactWatch, before: str | None) -> bool:
    """Tell whether a backup was verified that is newer than the last one pinged for.

    With nothing remembered that is one within its target: an old one would be told of as if it were new. A newest one that
    turned bad makes an older one the newest, which is no news.
    """
    if watch.newest_verified_key is None:
        return False
    if before is None:
        return is_safe(watch)
    try:
        return BackupKey.parse(watch.newest_verified_key).slot > BackupKey.parse(before).slot
    except InvalidInputError:
        return False


def _watched(report: WatchReport) -> dict[str, ArtifactWatch]:
    return {one.artifact: one for one in report.artifacts}
