"""`fleetsave status`: is every artifact safe?"""

from dataclasses import asdict
from datetime import timedelta

import click
from rich.console import Console

from fleetsave.catalog.fleet_file import read_fleet
from fleetsave.catalog.safety import ArtifactSafety, FleetSafety, assess
from fleetsave.cli.connect import Session
from fleetsave.cli.durations import DurationOption
from fleetsave.cli.exits import Exit
from fleetsave.cli.output import emit, json_option, table
from fleetsave.model.durations import spell
from fleetsave.model.printing import printable


@click.command()
@click.option("--max-age", type=DurationOption(), default="2h", show_default=True, help="Oldest a newest verified backup may be.")
@json_option
@click.pass_obj
def status(session: Session, *, max_age: timedelta, as_json: bool) -> int:
    """Show the age of the newest verified backup of every artifact; exit 1 if one is missing or too old."""
    connection = session.connect()
    safety = assess(read_fleet(connection.store), connection.store, connection.catalog, max_age)
    document = {
        "checked_at": safety.checked_at.isoformat(),
        "maximum_age_seconds": max_age.total_seconds(),
        "is_safe": safety.is_safe,
        "artifacts": [asdict(artifact) for artifact in safety.artifacts],
        "not_in_fleet": safety.not_in_fleet,
    }
    emit(document, lambda console: _draw(console, safety), as_json=as_json)
    return Exit.OK if safety.is_safe else Exit.UNSAFE


def _draw(console: Console, safety: FleetSafety) -> None:
    columns = ("artifact", "safe", "newest verified", "newest backup", "why not")
    console.print(table(columns, (_row(artifact) for artifact in safety.artifacts)))
    for artifact in safety.artifacts:
        if artifact.last_failure:
            told = {name: printable(str(artifact.last_failure.get(name, "?"))) for name in ("at", "error", "cause", "hint")}
            console.print(
                f"\nlast run of {artifact.artifact} failed at {told['at']}: {told['error']}: {told['cause']}\n  {told['hint']}"
            )
    if safety.not_in_fleet:
        console.print(f"\nnot in the fleet file, not watched, never pruned: {', '.join(safety.not_in_fleet)}")
    unsafe = sum(not artifact.is_safe for artifact in safety.artifacts)
    console.print(f"\n{len(safety.artifacts) - unsafe} of {len(safety.artifacts)} artifacts are safe")


def _row(artifact: ArtifactSafety) -> tuple[str, ...]:
    age = artifact.newest_verified_age_seconds
    return (
        artifact.artifact,
        "yes" if artifact.is_safe else "NO",
        "never" if age is None else f"{spell(timedelta(seconds=int(age)))} ago",
        artifact.newest_state or "none",
        artifact.problem or "",
    )
