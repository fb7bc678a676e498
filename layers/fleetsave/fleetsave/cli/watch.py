"""`fleetsave watch`: look once at the whole fleet, as the watchdog does, and mend nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta

import click
from rich.console import Console

from fleetsave.catalog.recoveries import Recoveries
from fleetsave.cli.connect import Connection, Session
from fleetsave.cli.exits import Exit
from fleetsave.cli.output import emit, json_option, table
from fleetsave.model.durations import spell
from fleetsave.model.errors import ConfigurationError
from fleetsave.model.jobs import Job
from fleetsave.model.keys import BackupKey
from fleetsave.model.kinds import Kind
from fleetsave.model.printing import printable
from fleetsave.model.schedules import Schedule
from fleetsave.model.watch import ArtifactWatch, Problem, WatchReport
from fleetsave.watchdog.ports import Ports
from fleetsave.watchdog.room import watch


@click.command("watch")
@json_option
@click.pass_obj
def watch_command(session: Session, *, as_json: bool) -> int:
    """Hold the fleet file and the schedules against the catalog; exit 1 if something is wrong. Nothing is changed."""
    report = watch(_ports(session.connect()), mend=False)
    document = {**asdict(report), "looked_at": report.looked_at.isoformat()}
    emit(document, lambda console: _draw(console, report), as_json=as_json)
    return Exit.UNSAFE if report.problems else Exit.OK


def _ports(connection: Connection) -> Ports:
    settings = connection.settings
    return Ports(
        store=connection.store,
        catalog=connection.catalog,
        recoveries=Recoveries(connection.store),
        collect_queue=_ClosedJobs(),
        verify_queue=_ClosedVerifications(),
        schedules=_schedules(connection),
        rpo=timedelta(hours=settings.rpo_hours),
        reread=None,
        default_keep_for=timedelta(days=settings.retention_days),
        now=connection.now,
    )


def _schedules(connection: Connection) -> Mapping[Kind, Schedule]:
    """Return the schedules that are set, else those that template.yaml has by default."""
    if connection.settings.schedules is not None:
        return {kind: setting.schedule for kind, setting in connection.settings.schedules.items()}
    return {kind: _default(kind.schedule_hours) for kind in Kind}


def _default(hours: int) -> Schedule:
    return Schedule(f"cron(0 {'0' if hours == 24 else f'*/{hours}'} * * ? *)", timedelta(hours=hours))


def _draw(console: Console, report: WatchReport) -> None:
    if report.problems:
        console.print(table(("what is wrong", "since", "last good copy", "what to do"), map(_problem, report.problems)))
        console.print()
    columns = ("artifact", "newest verified", "target", "worst window in 30 days")
    console.print(table(columns, map(_artifact, report.artifacts)))
    console.print(
        f"\n{len(report.problems)} problems, {len(report.artifacts)} artifacts, at {report.looked_at:%Y-%m-%d %H:%M:%S} UTC"
    )


def _problem(problem: Problem) -> tuple[str, ...]:
    where = problem.key or problem.artifact or problem.server_id or "fleet"
    what = f"{problem.kind}: {printable(where)}: {problem.what}"
    return what, f"{problem.since:%Y-%m-%d %H:%M}", problem.last_good_key or "none", problem.command


def _artifact(one: ArtifactWatch) -> tuple[str, ...]:
    times = (one.newest_verified_age_seconds, one.target_seconds, one.worst_window_seconds)
    return one.artifact, *("never" if seconds is None else spell(timedelta(seconds=int(seconds))) for seconds in times)


class _ClosedJobs:
    """The collect queue of somebody who only looks."""

    def send(self, jobs: Sequence[Job]) -> None:
        """Refuse. Raise ConfigurationError."""
        raise _closed(f"{len(jobs)} jobs")

    def postpone(self, receipt_handle: str, receive_count: int) -> None:
        """Refuse. Raise ConfigurationError."""
        raise _closed(f"{receipt_handle}, received {receive_count} times")

    def return_at_once(self, receipt_handle: str) -> None:
        """Refuse. Raise ConfigurationError."""
        raise _closed(receipt_handle)


class _ClosedVerifications:
    """The verify queue of somebody who only looks."""

    def send(self, keys: Sequence[BackupKey], *, force: bool = False) -> None:
        """Refuse. Raise ConfigurationError."""
        raise _closed(f"{len(keys)} backups{', by force' if force else ''}")


def _closed(target: str) -> ConfigurationError:
    return ConfigurationError("queue", target, "a look from the command line mends nothing", "The watchdog does.")
