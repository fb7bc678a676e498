"""The scene of the watchdog: an event is lost, which it mends, and the fleet file loses a server, of which people are told."""

import json
import time
from datetime import UTC, datetime, timedelta

from rich.console import Console

from fleetsave.catalog.fleet_file import read_text, write_fleet
from fleetsave.local.demonstration.report import WatchdogLine
from fleetsave.local.demonstration.stage import Stage
from fleetsave.local.demonstration.waiting import wait_for
from fleetsave.local.webhook import Received
from fleetsave.model.history import Backup, State
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Kind

UNHEARD = ArtifactId("server_002", Kind.DATABASE, "database")
FORGOTTEN = "server_003"
_OVERDUE = timedelta(seconds=65)
"""A minute is the demonstration's period, and what is later than one is taken for lost."""


def lose_an_event(stage: Stage, console: Console) -> WatchdogLine:
    """Let nobody hear of a stored backup and forget a server; return how long the repair took, and what people were told."""
    _look(stage)  # the first one tells of all that is open, in one notice; what comes after it is news
    events = stage.stack.client("events")
    rule = {"Name": stage.stack.physical_name("StoredRule").rpartition("|")[2]}
    known = {backup.key for backup in stage.backups(UNHEARD)}
    events.disable_rule(**rule)
    try:
        with console.status("The rule that announces new backups is switched off"):
            wait_for("a backup that nobody has heard of", lambda: _unheard(stage, known) is not None)
    finally:
        events.enable_rule(**rule)
    lost = _unheard(stage, known)
    assert lost is not None  # noqa: S101 - it has just been waited for
    console.print(f"[bold red]lost[/] the event of {lost.key}: it is stored, and waits for a verdict that nobody has asked for")
    told, ended = _forget_a_server(stage, console)
    with console.status("Until it is overdue"):
        wait_for("the lost event to be overdue", lambda: datetime.now(UTC) - lost.recorded_at[RecordName.STORED] > _OVERDUE)
    started = time.monotonic()
    _look(stage)
    wait_for("the backup of the lost event verified", lambda: stage.catalog.has(lost.key, RecordName.VERIFIED))
    seconds = time.monotonic() - started
    console.print(f"[green]verified[/] {lost.key}, {seconds:.1f} s after the watchdog looked")
    return WatchdogLine(
        lost_event_of=lost.key.text,
        seconds_to_repair=round(seconds, 1),
        notice_subject=told.subject,
        notice_body=told.body,
        recovered_subject=ended.subject,
    )


def _unheard(stage: Stage, known: set[BackupKey]) -> Backup | None:
    newest = stage.newest(UNHEARD, State.STORED)
    return newest if newest is not None and newest.key not in known else None


def _forget_a_server(stage: Stage, console: Console) -> tuple[Received, Received]:
    """Push a fleet file without one server, and put it back; return the notice of it and the one that it is over."""
    whole = read_text(stage.store)
    fleet = json.loads(whole)
    fleet["servers"] = [server for server in fleet["servers"] if server["id"] != FORGOTTEN]
    write_fleet(stage.store, json.dumps(fleet))
    console.print(f"[bold red]forgotten[/]: a fleet file without {FORGOTTEN} is pushed")
    told = _notice(stage, console, "is told of the server that nothing names any more")
    write_fleet(stage.store, whole)
    console.print("The fleet file is put back.")
    return told, _notice(stage, console, "is told that it is over")


def _notice(stage: Stage, console: Console, what: str) -> Received:
    """Let the watchdog look until a notice about the forgotten server arrives, and show it."""
    before = len(stage.webhook.received)

    def arrived() -> bool:
        _look(stage)
        return any(FORGOTTEN in one.subject + one.body for one in stage.webhook.received[before:])

    wait_for(f"a person who {what}", arrived)
    notice = next(one for one in stage.webhook.received[before:] if FORGOTTEN in one.subject + one.body)
    console.print(f"[cyan]notice[/] {notice.subject}", notice.body, sep="\n", soft_wrap=True, highlight=False)
    return notice


def _look(stage: Stage) -> None:
    stage.stack.client("sqs").send_message(
        QueueUrl=stage.stack.physical_name("WatchdogQueue"),
        MessageBody=json.dumps({"scheduled_time": datetime.now(UTC).isoformat()}),
        MessageGroupId="looks",
    )
    wait_for("the watchdog's look", lambda: stage.stack.queue_depth("WatchdogQueue") == 0)
