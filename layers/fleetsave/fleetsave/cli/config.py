"""`fleetsave config`: the fleet file, on this machine and in the bucket."""

import json
from dataclasses import asdict, dataclass
from typing import IO

import click
from rich.console import Console

from fleetsave.catalog.fleet_file import MAXIMUM_BYTES, parse_fleet, read_text, write_fleet
from fleetsave.cli.confirm import confirm
from fleetsave.cli.connect import Session
from fleetsave.cli.output import emit, json_option
from fleetsave.cli.schema import fleet_schema
from fleetsave.model.errors import ConfigurationError, ObjectNotFoundError
from fleetsave.model.fleet import Fleet
from fleetsave.model.keys import FLEET_KEY
from fleetsave.model.kinds import Kind
from fleetsave.model.printing import printable
from fleetsave.store.base import ObjectStore

_FILE = click.argument("file", type=click.File("rb"))


@dataclass(frozen=True)
class Difference:
    """What a fleet file changes, against the one before it."""

    servers_added: list[str]
    servers_removed: list[str]
    artifacts_added: list[str]
    artifacts_removed: list[str]


@click.group()
def config() -> None:
    """Validate, show and push the fleet file."""


@config.command()
@_FILE
@json_option
def validate(file: IO[bytes], *, as_json: bool) -> None:
    """Check a fleet file (- for standard input) without the bucket; every problem is named with its line."""
    fleet = parse_fleet(_read(file))
    document = {"valid": True, "servers": len(fleet.server_ids), "artifacts": len(_artifacts(fleet))}
    emit(
        document,
        lambda console: console.print(
            f"valid: {document['servers']} servers, {document['artifacts']} artifacts, a glob counted as one"
        ),
        as_json=as_json,
    )


@config.command("show")
@json_option
@click.pass_obj
def show_config(session: Session, *, as_json: bool) -> None:
    """Print the fleet file of the bucket; with --json, as fleetsave understands it."""
    text = read_text(session.connect().store)
    document = parse_fleet(text).model_dump(mode="json") if as_json else None
    emit(document, lambda console: console.out(text, end="", highlight=False), as_json=as_json)


@config.command()
@_FILE
@click.option("--yes", is_flag=True, help="Do not ask before dropping more than half of the servers.")
@json_option
@click.pass_obj
def push(session: Session, file: IO[bytes], *, yes: bool, as_json: bool) -> None:
    """Validate a fleet file (- for standard input), show what it changes, and make it the bucket's."""
    text = _read(file)
    fleet = parse_fleet(text)
    store = session.connect().store
    before, problem = _current(store)
    change = _difference(before, fleet)
    question = problem and f"The bucket's fleet file cannot be read ({problem}). Replace it?"
    if before is not None and len(change.servers_removed) > len(before.servers) / 2:
        question = f"Drop {len(change.servers_removed)} of {len(before.servers)} servers: {', '.join(change.servers_removed)}?"
    if question:
        confirm(printable(question), operation="push fleet file", target=FLEET_KEY, yes=yes, as_json=as_json)
    write_fleet(store, text)
    emit({"pushed": FLEET_KEY, **asdict(change)}, lambda console: _draw(console, change), as_json=as_json)


@config.command()
@json_option
def schema(*, as_json: bool) -> None:
    """Print the JSON Schema of the fleet file, for editors."""
    document = fleet_schema()
    emit(document, lambda console: console.out(json.dumps(document, indent=2), highlight=False), as_json=as_json)


def _read(file: IO[bytes]) -> str:
    try:
        return file.read(MAXIMUM_BYTES + 1).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError("read fleet file", file.name, "it is not UTF-8 text", "Save it as UTF-8.") from None


def _current(store: ObjectStore) -> tuple[Fleet | None, str]:
    """Return the bucket's fleet, None if there is none or it is wrong; and what is wrong with it."""
    try:
        store.head(FLEET_KEY)
        return parse_fleet(read_text(store)), ""
    except ObjectNotFoundError:
        return None, ""
    except ConfigurationError as error:
        return None, error.cause


def _artifacts(fleet: Fleet) -> set[str]:
    return {str(one) for kind in Kind for one in fleet.artifact_ids(kind)}


def _difference(before: Fleet | None, after: Fleet) -> Difference:
    old_servers = set(before.server_ids) if before else set()
    new_servers = set(after.server_ids)
    old_artifacts = _artifacts(before) if before else set()
    new_artifacts = _artifacts(after)
    return Difference(
        sorted(new_servers - old_servers),
        sorted(old_servers - new_servers),
        sorted(new_artifacts - old_artifacts),
        sorted(old_artifacts - new_artifacts),
    )


def _draw(console: Console, change: Difference) -> None:
    for sign, names in (
        ("+ server  ", change.servers_added),
        ("- server  ", change.servers_removed),
        ("+ artifact", change.artifacts_added),
        ("- artifact", change.artifacts_removed),
    ):
        for name in names:
            console.print(f"{sign} {printable(name)}")
    console.print(f"pushed to {FLEET_KEY}")
