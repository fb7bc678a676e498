"""`fleetsave prune`: what would be deleted and why; with --execute, deleting it."""

from datetime import timedelta
from functools import partial

import click
from rich.console import Console

from fleetsave.catalog.fleet_file import read_fleet
from fleetsave.cli.confirm import confirm
from fleetsave.cli.connect import Connection, Session
from fleetsave.cli.durations import DurationOption
from fleetsave.cli.exits import Exit
from fleetsave.cli.moments import read_moment
from fleetsave.cli.output import emit, json_option, size, table
from fleetsave.model.durations import spell
from fleetsave.model.errors import PruneRefusedError
from fleetsave.model.fleet import Fleet
from fleetsave.model.keys import parse_id
from fleetsave.model.printing import printable
from fleetsave.model.retention import Rule
from fleetsave.prune.report import Line, Outcome, PruneReport
from fleetsave.prune.room import prune


@click.command("prune")
@click.option("--execute", is_flag=True, help="Really delete; without it nothing is changed.")
@click.option("--as-of", metavar="TIME", help="Pretend this time (ISO 8601, UTC unless it says otherwise); dry run only.")
@click.option("--server", metavar="ID", help="Only this server's backups.")
@click.option(
    "--keep-for", type=DurationOption(), help="Age for artifacts whose fleet file sets none [FLEETSAVE_RETENTION_DAYS, else 30d]."
)
@click.option("--yes", is_flag=True, help="Do not ask before deleting.")
@json_option
@click.pass_obj
def prune_command(
    session: Session,
    *,
    execute: bool,
    as_of: str | None,
    server: str | None,
    keep_for: timedelta | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Show every decision of retention and why; delete only with --execute. Exit 6 if a deletion failed."""
    if server is not None:
        parse_id(server, "server id")
    moment = None if as_of is None else read_moment("--as-of", as_of)
    connection = session.connect()
    fleet = read_fleet(connection.store)
    if execute:
        _require_retention(connection, fleet, keep_for)
    run = partial(
        prune,
        store=connection.store,
        catalog=connection.catalog,
        fleet=fleet,
        default_keep_for=keep_for or timedelta(days=connection.settings.retention_days),
        as_of=moment,
        server_id=server,
    )
    if execute and moment is None and not yes:
        planned = run(now=connection.now(), execute=False)
        if not as_json:
            emit(None, lambda console: _draw(console, planned), as_json=False)
        confirm(
            f"Delete {planned.going} backups?", operation="prune", target="the fleet", yes=planned.going == 0, as_json=as_json
        )
    report = run(now=connection.now(), execute=execute, keeps=_every_line if server or not execute else _is_change)
    emit(report.as_dict(), lambda console: _draw(console, report), as_json=as_json)
    return Exit.FAILED if report.failures else Exit.OK


def _require_retention(connection: Connection, fleet: Fleet, keep_for: timedelta | None) -> None:
    """Raise PruneRefusedError if this machine would delete by a default that the deployed function may not share."""
    if keep_for or connection.has_own_retention or fleet.defaults.retention.keep_for:
        return
    raise PruneRefusedError(
        "prune",
        "the fleet",
        "nothing says how long backups are kept where the fleet file does not; the deployed function may keep them longer",
        "Give --keep-for, set FLEETSAVE_RETENTION_DAYS as deployed, or set defaults.retention.keep_for in the fleet file.",
    )


def _every_line(_: Line) -> bool:
    return True


def _is_change(line: Line) -> bool:
    """Tell whether a line of a whole fleet is worth showing after it was pruned; a dry run shows them all."""
    return line.outcome is not Outcome.KEPT or line.rule is Rule.CHANGED


def _draw(console: Console, report: PruneReport) -> None:
    console.print(table(("backup", "size", "age", "what", "why"), (_row(line) for line in report.lines)))
    for one in report.irregularities:
        console.print(f"\nirregular: {printable(one.key)}: {printable(one.problem)}")
    for artifact in report.refused_artifacts:
        console.print(f"\nheld: {artifact}: nothing of it was decided to go")
    for failed in report.failures:
        console.print(f"\nfailed: {failed['artifact']}: {printable(str(failed['cause']))}\n  {printable(str(failed['hint']))}")
    freed = report.summary().get("bytes_deleted", report.summary().get("bytes_would_be_deleted", 0))
    done = f"{report.deleted} deleted" if report.executed else "nothing was changed: a dry run; --execute deletes"
    console.print(f"\n{report.going} of {report.decided} backups to go, {size(freed)}; {done}")


def _row(line: Line) -> tuple[str, ...]:
    age = spell(timedelta(seconds=int(line.age_seconds)))
    return (line.key, size(line.size), age, line.outcome.replace("_", " "), line.reason)
