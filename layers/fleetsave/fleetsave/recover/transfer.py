"""The backup's bytes: read from the store, unpacked, hashed, and sent on to the server; nothing is kept on our side."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta

from fleetsave.model.errors import RestoreError, TransportError
from fleetsave.model.kinds import Kind
from fleetsave.model.recovery_records import RecoveryState, Selection
from fleetsave.recover.archived import copy_bytes, member_bytes
from fleetsave.recover.run import PAUSES, Run
from fleetsave.store.decompress import DamagedStreamError, plain_chunks

_LOOK_EVERY = timedelta(seconds=5)
"""Time between two looks at whether a person wants the recovery to stop."""


def upload(run: Run) -> None:
    """Bring the copy to the server and write the record of it. Raise as `bring`."""
    bring(run)
    run.say(RecoveryState.UPLOADED, f"{run.plan.plain_size} bytes are on the server, beside the target")


def bring(run: Run) -> None:
    """Make sure the whole copy is on the server, going on where an earlier run ended, over as many connections as it takes.

    Raise RestoreError if the stored bytes are not those that were captured, ObjectNotFoundError if they are gone, TransportError
    if connections bring nothing any more; CancelledError, NearDeadlineError.
    """
    total, fruitless = run.plan.plain_size, 0
    while (begun_at := run.on_server(lambda restorer: restorer.received())) < total:
        run.require_time(run.target.seconds_in_one_go)
        try:
            _send(run, begun_at)
        except (TransportError, RestoreError) as error:
            run.close()
            if not error.retryable or fruitless == len(PAUSES):
                raise
            run.ports.pause(PAUSES[fruitless])
        arrived = run.on_server(lambda restorer: restorer.received())
        fruitless = 0 if arrived > begun_at else fruitless + 1
        if fruitless > len(PAUSES):
            raise RestoreError(
                "upload to", run.plan.target_server_id, f"nothing arrives after byte {arrived}", "Look at the server's disk.",
                reason="upload_stuck",
            )  # fmt: skip


def _send(run: Run, begun_at: int) -> None:
    total = run.plan.plain_size
    run.tell(begun_at, total)
    lookout = _Lookout(run)

    def told(position: int) -> None:
        lookout.look()
        run.tell_now_and_then(position, total)

    run.restorer.receive(begun_at, _plain_bytes(run, begun_at, lookout), told)


class _Lookout:
    """Looks now and then whether a person wants the recovery to stop, whichever side of a transfer is at work."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._looked_at = run.ports.now()

    def look(self) -> None:
        """Raise CancelledError if a person does, NearDeadlineError if the time is up."""
        self._run.require_time(0)
        if self._run.ports.now() - self._looked_at > _LOOK_EVERY:
            self._run.look_up()
            self._looked_at = self._run.ports.now()


def _plain_bytes(run: Run, begun_at: int, lookout: _Lookout) -> Iterator[bytes]:
    """Yield what is sent, from an offset, and look out meanwhile."""
    selection = run.plan.selection
    if selection is not None and run.plan.kind is not Kind.DATABASE:
        yield from _selected_bytes(run, selection, begun_at, lookout)
    else:
        yield from _whole_bytes(run, begun_at, lookout)


def _selected_bytes(run: Run, selection: Selection, begun_at: int, lookout: _Lookout) -> Iterator[bytes]:
    """Yield the copy of what was chosen from an offset; the server checks each file against the list at its beginning."""
    try:
        for chunk in copy_bytes(run.ports.store, run.ports.catalog, run.stored, selection, begun_at):
            lookout.look()
            yield chunk
    except DamagedStreamError as error:
        raise _altered(run, f"it does not unpack: {error.cause}") from error


def _whole_bytes(run: Run, begun_at: int, lookout: _Lookout) -> Iterator[bytes]:
    """Yield plain bytes from an offset; all of them are read and hashed, so that the last is vouched for."""
    plan, position, digest = run.plan, 0, hashlib.sha256()
    for chunk in _unpacked(run):
        lookout.look()
        digest.update(chunk)
        unsent = chunk[max(0, begun_at - position) :]
        position += len(chunk)
        if position > plan.plain_size:
            raise _altered(run, "it unpacks to more bytes than were captured")
        if position == plan.plain_size and digest.hexdigest() != plan.plain_sha256:
            raise _altered(run, f"its SHA-256 is {digest.hexdigest()}, and {plan.plain_sha256} was captured")
        if unsent:
            yield unsent
    if position < plan.plain_size:
        raise _altered(run, f"it unpacks to {position} bytes, and {plan.plain_size} were captured")


def _unpacked(run: Run) -> Iterator[bytes]:
    """Yield the plain bytes of a backup, or of the one database of an archive that is brought back."""
    key, selection = run.plan.backup_key, run.plan.selection
    try:
        if selection is not None:
            yield from member_bytes(run.ports.store, run.ports.catalog, run.stored, selection.root)
        else:
            yield from plain_chunks(run.ports.store.read(key), run.plan.compression, target=key)
    except DamagedStreamError as error:
        raise _altered(run, f"it does not unpack: {error.cause}") from error


def _altered(run: Run, cause: str) -> RestoreError:
    return RestoreError(
        "read", run.plan.backup_key, cause, "The stored object is damaged: choose another backup, and verify this one again.",
        reason="altered_object",
    )  # fmt: skip
