"""`fleetsave recover`: bring a backup back to its server, watch it, stop it, undo it; all through the recovery API."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from fleetsave.api_client import RecoveryApi
from fleetsave.cli.confirm import confirm_by_typing
from fleetsave.cli.connect import Session
from fleetsave.cli.exits import Exit
from fleetsave.cli.moments import read_moment
from fleetsave.cli.output import emit, json_option
from fleetsave.cli.recovery_view import draw_list, draw_plan, draw_recovery
from fleetsave.cli.recovery_watch import watch
from fleetsave.model.errors import RecoveryRefusedError
from fleetsave.model.keys import CENTRAL_SERVER_ID, parse_id
from fleetsave.model.kinds import Kind
from fleetsave.model.recoveries import Reason, Status
from fleetsave.model.recovery_keys import RecoveryId

_EXITS = {Status.RECOVERED: Exit.OK, Status.STALLED: Exit.UNRESOLVED, Status.UNRESOLVED: Exit.UNRESOLVED}


@click.group()
def recover() -> None:
    """Bring a backup back to a server, with proof; it can be undone."""


@recover.command()
@click.argument("server")
@click.option(
    "--type", "kind", type=click.Choice([one.value for one in Kind]), default=None,
    help=f"What sort of backup; {Kind.POSTGRESQL} for SERVER {CENTRAL_SERVER_ID}, else {Kind.DATABASE}, if it is not said.",
)  # fmt: skip
@click.option("--backup", metavar="KEY", help="This very backup, with or without .zst; without it, the newest verified one.")
@click.option(
    "--at", metavar="TIME", help="The newest verified one not later than this (ISO 8601, UTC unless it says otherwise)."
)
@click.option("--artifact", metavar="NAME", help="Which artifact, where the server has several of that type.")
@click.option("--part", metavar="PART", help="What of a full backup: databases/ARTIFACT or files/SET; without it, all of it.")
@click.option("--path", "paths", metavar="PATTERN", multiple=True, help="Only these paths of a folder; may be given often.")
@click.option("--to-path", metavar="PATH", help="Another path on the server; for PostgreSQL, the name of a new database.")
@click.option("--to-server", metavar="ID", help="Another server.")
@click.option("--allow-unverified", is_flag=True, help="Take a backup that is not verified.")
@click.option("--allow-schema-change", is_flag=True, help="Although the server's schema is another than the backup's.")
@click.option("--dry-run", is_flag=True, help="Show the plan, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--no-wait", is_flag=True, help="Do not follow it to its end.")
@json_option
@click.pass_obj
def start(
    session: Session,
    server: str,
    *,
    kind: str | None,
    backup: str | None,
    at: str | None,
    artifact: str | None,
    part: str | None,
    paths: tuple[str, ...],
    to_path: str | None,
    to_server: str | None,
    allow_unverified: bool,
    allow_schema_change: bool,
    dry_run: bool,
    yes: bool,
    no_wait: bool,
    as_json: bool,
) -> int:
    """Show what a recovery of SERVER would do, ask, do it, and follow it to the proof.

    Exit 8 if it ends with the data as it was, 9 if a person must look at the server.
    """
    if backup is not None and (at is not None or artifact is not None):
        raise click.UsageError("--backup names one backup already; leave --at and --artifact out.")
    asked = {
        "server_id": parse_id(server, "server id"),
        "backup_type": kind or (Kind.POSTGRESQL if server == CENTRAL_SERVER_ID else Kind.DATABASE).value,
        "backup_key": backup,
        "at": read_moment("--at", at).isoformat() if at else None,
        "artifact": artifact,
        "part": part,
        "paths": list(paths) or None,
        "target": _target(to_path, to_server),
        "allow_unverified": allow_unverified or None,
        "allow_schema_change": allow_schema_change or None,
    }
    api = session.api()
    body = {name: value for name, value in asked.items() if value is not None}
    planned = api.plan(body).document
    plan = planned["plan"]
    if dry_run or not as_json:
        emit(planned, lambda console: draw_plan(console, plan, datetime.now(UTC)), as_json=as_json)
    if dry_run:
        return Exit.OK
    target = plan["target_server_id"]
    confirm_by_typing(target, "Recover it?", operation="recover", target=target, yes=yes, as_json=as_json)
    # What was agreed to is this backup; a newer one may have been verified in the meantime.
    agreed = {name: value for name, value in body.items() if name not in ("at", "artifact")} | {"backup_key": plan["backup_key"]}
    begun = api.recover(agreed, str(uuid.uuid4())).document
    return _follow(api, begun, no_wait=no_wait, as_json=as_json)


@recover.command()
@click.argument("recovery_id", metavar="ID")
@json_option
@click.pass_obj
def show(session: Session, recovery_id: str, *, as_json: bool) -> None:
    """Show where a recovery stands, every step, and what was found."""
    found = session.api().get(_checked(recovery_id)).document
    emit(found, lambda console: draw_recovery(console, found), as_json=as_json)


@recover.command("list")
@click.option("--server", metavar="ID", required=True, help="The server restored to.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")
@json_option
@click.pass_obj
def list_recoveries(session: Session, *, server: str, limit: int, as_json: bool) -> None:
    """List the recoveries of a server, the newest first."""
    api = session.api()
    page = api.list(parse_id(server, "server id")).document
    found = list(page["recoveries"])
    while page["next_cursor"] and len(found) < limit:
        page = api.list(server, page["next_cursor"]).document
        found += page["recoveries"]
    emit({"recoveries": found[:limit]}, lambda console: draw_list(console, found[:limit]), as_json=as_json)


@recover.command("watch")
@click.argument("recovery_id", metavar="ID")
@json_option
@click.pass_obj
def watch_recovery(session: Session, recovery_id: str, *, as_json: bool) -> int:
    """Follow a recovery to its end. Ctrl-C ends the watching, not the recovery.

    Exit 8 if it ended with the data as it was, 9 if a person must look at the server.
    """
    return _follow(session.api(), {"id": _checked(recovery_id)}, no_wait=False, as_json=as_json)


@recover.command()
@click.argument("recovery_id", metavar="ID")
@json_option
@click.pass_obj
def cancel(session: Session, recovery_id: str, *, as_json: bool) -> None:
    """Stop a recovery before it replaces anything; afterwards there is `undo`."""
    found = session.api().cancel(_checked(recovery_id)).document
    emit(found, lambda console: draw_recovery(console, found), as_json=as_json)


@recover.command()
@click.argument("recovery_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--no-wait", is_flag=True, help="Do not follow it to its end.")
@json_option
@click.pass_obj
def undo(session: Session, recovery_id: str, *, yes: bool, no_wait: bool, as_json: bool) -> int:
    """Bring back what a recovery replaced, by a recovery of its safety backup; that one can be undone too."""
    api = session.api()
    found = api.get(_checked(recovery_id)).document
    if not found["can_undo"]:
        raise _nothing_to_undo(found)
    if not as_json:
        emit(None, lambda console: draw_recovery(console, found), as_json=False)
    server = found["target"]["server_id"]
    question = f"Bring back {found['safety_backup']['backup_key']}? What was written since is lost."
    confirm_by_typing(server, question, operation="undo", target=recovery_id, yes=yes, as_json=as_json)
    begun = api.undo(recovery_id, str(uuid.uuid4())).document
    return _follow(api, begun, no_wait=no_wait, as_json=as_json)


def _target(path: str | None, server: str | None) -> Mapping[str, Any] | None:
    """Return where to, None for where it came from. Whoever names another server means it."""
    given: dict[str, Any] = {"path": path} if path else {}
    if server is not None:
        given |= {"server_id": parse_id(server, "server id"), "allow_other_server": True}
    return given or None


def _nothing_to_undo(found: Mapping[str, Any]) -> RecoveryRefusedError:
    swap = found["proof"]["swap"] if found["proof"] else None
    kept = swap["kept"] if swap else None
    hint = f"What was there is kept on the server: {kept}." if kept else "See `fleetsave recover show`."
    return RecoveryRefusedError(
        "undo", found["id"], f"it is {found['status']}, and there is no safety backup to bring back",
        f"{hint} docs/runbook-recovery.md says how to go on.", reason=Reason.NOTHING_TO_UNDO,
    )  # fmt: skip


def _checked(recovery_id: str) -> str:
    return str(RecoveryId.parse(recovery_id))


def _follow(api: RecoveryApi, begun: Mapping[str, Any], *, no_wait: bool, as_json: bool) -> int:
    """Follow a recovery to its end unless told not to, print it, and return the exit code of how it ended."""
    found = begun if no_wait else watch(api, begun["id"])
    emit(found, lambda console: draw_recovery(console, found), as_json=as_json)
    return Exit.OK if no_wait else _EXITS.get(Status(found["status"]), Exit.NOT_RECOVERED)
