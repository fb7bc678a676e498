"""Following a recovery to its end: a line for every step, and a bar for the step under way."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from fleetsave.api_client import RecoveryApi
from fleetsave.model.errors import ApiProblemError
from fleetsave.model.printing import printable
from fleetsave.model.recoveries import STEPS, Status
from fleetsave.model.recovery_records import RecoveryState

_SECONDS = 2.0
"""How often it is asked where the API does not say."""
_LONGEST_SILENCE = 300.0
"""How long the API may fail to answer before watching ends; the recovery does not depend on it."""


def watch(api: RecoveryApi, recovery_id: str) -> dict[str, Any]:
    """Follow a recovery on standard error until it is finished or stalled, and return what the API says of it then.

    Raise ApiProblemError if the API refuses, or does not answer for five minutes. An interrupt ends the watching, not the
    recovery, and says so.
    """
    try:
        with _board() as board:
            while True:
                document, seconds = _ask(api, recovery_id)
                board.show(document)
                if document["is_finished"] or document["status"] == Status.STALLED:
                    return document
                time.sleep(seconds)
    except KeyboardInterrupt:
        click.echo(
            f"\nno longer watching; recovery {recovery_id} goes on. To follow it: fleetsave recover watch {recovery_id}; "
            f"to stop it: fleetsave recover cancel {recovery_id}",
            err=True,
        )
        raise


def _ask(api: RecoveryApi, recovery_id: str) -> tuple[dict[str, Any], float]:
    """Ask until there is an answer; the network of whoever watches may fail for a while."""
    deadline = time.monotonic() + _LONGEST_SILENCE
    while True:
        try:
            reply = api.get(recovery_id)
        except ApiProblemError as error:
            if not error.retryable or time.monotonic() > deadline:
                raise
            click.echo(f"the API does not answer ({printable(error.cause)}); asking again", err=True)
            time.sleep(_SECONDS)
        else:
            return reply.document, _SECONDS if reply.retry_after is None else reply.retry_after


class _Board:
    """What has been shown already, and the bar."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID = progress.add_task("", total=None)
        self._shown = 0

    def show(self, recovery: Mapping[str, Any]) -> None:
        """Print the steps that are new, and move the bar."""
        for step in recovery["steps"][self._shown :]:
            line = f"{step['state'].replace('_', ' ')}: {printable(step['detail'])}"
            self._progress.console.print(line, soft_wrap=True)
        self._shown = len(recovery["steps"])
        told = recovery["progress"]
        self._progress.update(
            self._task,
            description=_under_way(recovery),
            completed=told["done"] or 0,
            total=told["total"],
            refresh=True,
        )


@contextmanager
def _board() -> Iterator[_Board]:
    console = Console(stderr=True, markup=False, highlight=False)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield _Board(progress)


def _under_way(recovery: Mapping[str, Any]) -> str:
    told = recovery["progress"]
    status = Status(recovery["status"])
    if status is not Status.RUNNING:
        return status.value.replace("_", " ")
    step = min(told["step"] + 1, told["steps"])
    return f"step {step} of {told['steps']}: {_DOING.get(STEPS[step], STEPS[step].value)}"


_DOING = {
    RecoveryState.SELECTED: "choosing the backup",
    RecoveryState.INSPECTED: "looking at the server",
    RecoveryState.SECURED: "backing up what is there now",
    RecoveryState.UPLOADED: "uploading the backup",
    RecoveryState.CHECKED: "checking the copy on the server",
    RecoveryState.STOPPING: "about to stop the game",
    RecoveryState.STOPPED: "stopping the game",
    RecoveryState.SWAPPING: "about to replace what is there",
    RecoveryState.SWAPPED: "replacing what is there",
    RecoveryState.STARTED: "starting the game",
    RecoveryState.RECOVERED: "checking it where it lives",
}
"""What is being done on the way to each state."""
