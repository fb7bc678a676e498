"""`fleetsave verify`: judge a backup here and now, or accept a suspect one."""

import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import click
from pydantic import TypeAdapter
from rich.console import Console

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.find import find_backup
from fleetsave.cli.confirm import confirm
from fleetsave.cli.connect import Connection, Session
from fleetsave.cli.exits import Exit
from fleetsave.cli.listing import draw_verdict
from fleetsave.cli.output import emit, json_option
from fleetsave.model.errors import CatalogError, InvalidInputError, ObjectNotFoundError
from fleetsave.model.history import Backup, State
from fleetsave.model.jobs import Job
from fleetsave.model.keys import RecordName
from fleetsave.model.records import Finding, Outcome, VerdictRecord
from fleetsave.postgres.programs import find_programs
from fleetsave.verify.outcome import Judged
from fleetsave.verify.ports import Ports
from fleetsave.verify.room import verify

_SECONDS = 24 * 3600.0
"""Nobody cuts a run on this machine short; a day is longer than any backup takes."""


@click.command("verify")
@click.argument("key")
@click.option("--accept", is_flag=True, help="Accept a suspect backup as good, without judging it again.")
@click.option(
    "--scratch", type=click.Path(exists=True, file_okay=False, writable=True), help="Folder with room for the restored copy."
)
@click.option("--yes", is_flag=True, help="Do not ask before accepting.")
@json_option
@click.pass_obj
def verify_command(session: Session, key: str, *, accept: bool, scratch: str | None, yes: bool, as_json: bool) -> int:
    """Read a backup back, restore it on this machine and compare it with its source; exit 1 unless it is verified.

    KEY is the object's key, with or without .zst, or an s3:// address.
    """
    connection = session.connect()
    backup = find_backup(connection.catalog, key)
    if accept:
        record, verdict = _accept(connection, backup, yes=yes, as_json=as_json), RecordName.VERIFIED
    else:
        judged = _judge(connection, backup, Path(scratch or tempfile.gettempdir()))
        record, verdict = judged.record, judged.verdict
    document = TypeAdapter(VerdictRecord).dump_python(record, mode="json")

    def draw(console: Console) -> None:
        console.print(f"{backup.key}\n{verdict}", soft_wrap=True)
        draw_verdict(console, record)

    emit(document, draw, as_json=as_json)
    return Exit.OK if verdict is RecordName.VERIFIED else Exit.UNSAFE


def _judge(connection: Connection, backup: Backup, scratch: Path) -> Judged:
    """Verify with force. Raise ObjectNotFoundError if there is nothing to judge."""
    queue = connection.queue or _NoQueue()
    programs = find_programs(connection.settings.postgresql_programs)
    ports = Ports(connection.store, connection.catalog, queue, scratch, connection.now, lambda: _SECONDS, programs)
    # Metrics are lines on standard output, which belongs to the result here.
    with redirect_stdout(sys.stderr):
        outcome = verify(backup.key, ports, force=True)
    if not isinstance(outcome, Judged):
        cause = "its data was pruned" if backup.state is State.PRUNED else "it has no stored.json"
        raise ObjectNotFoundError("verify", backup.key.text, cause, "There is nothing to judge; choose another.")
    return outcome


_DOUBTS = (Outcome.SUSPECT, Outcome.INCONCLUSIVE)


def _accept(connection: Connection, backup: Backup, *, yes: bool, as_json: bool) -> VerdictRecord:
    """Write `verified.json` from what the standing verdict found. Raise InvalidInputError unless it leaves that to a person."""
    if backup.state not in (State.SUSPECT, State.INCONCLUSIVE):
        raise InvalidInputError(
            "accept", backup.key.text, f"it is {backup.state}, not suspect", "Only a suspect or inconclusive one can be accepted."
        )
    suspect = connection.catalog.verdict(backup.key, RecordName(backup.state))
    if connection.store.head(backup.key.text).etag != suspect.etag:
        raise CatalogError("accept", backup.key.text, "its data is not what was judged", "Verify it again without --accept.")
    doubts = "; ".join(found.detail for found in suspect.findings if found.outcome in _DOUBTS)
    question = f"{backup.state.capitalize()} because: {doubts}. Accept it as good?"
    confirm(question, operation="accept", target=backup.key.text, yes=yes, as_json=as_json)
    accepted = Finding("acceptance", Outcome.PASSED, "accepted by a person")
    record = replace(suspect, verdict=RecordName.VERIFIED, findings=[*suspect.findings, accepted], started_at=connection.now())
    _write(connection.catalog, backup, record)
    return record


def _write(catalog: Catalog, backup: Backup, record: VerdictRecord) -> None:
    if not catalog.append(backup.key, RecordName.VERIFIED, record):
        raise CatalogError("accept", backup.key.text, "it has been verified in the meantime", "Nothing is left to do.")


class _NoQueue:
    """Stands where the collect queue is not known: a rejected backup's artifact is captured again at its next slot."""

    def send(self, jobs: Sequence[Job]) -> None:
        """Say that the job was not queued."""
        for job in jobs:
            click.echo(
                f"not queued (no FLEETSAVE_COLLECT_QUEUE_URL), the next schedule captures it again: {job.identity}", err=True
            )

    def postpone(self, receipt_handle: str, receive_count: int) -> None:
        """Do nothing: there is no message."""

    def return_at_once(self, receipt_handle: str) -> None:
        """Do nothing: there is no message."""
