"""The records of recoveries: appended, never changed, and the only place that decides which recovery a server has.

A server's recoveries are numbered. Whoever writes the first record of the next number has the server, until that recovery is
finished; where the store has conditional writes, two cannot write it, and elsewhere claims are made first (`recovery_claims`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex

from pydantic import TypeAdapter, ValidationError

import fleetsave
from fleetsave.catalog.recovery_claims import is_claimed_alone
from fleetsave.model.errors import (
    CatalogError,
    InvalidInputError,
    ObjectExistsError,
    ObjectNotFoundError,
    RecoveryRefusedError,
)
from fleetsave.model.recoveries import FINAL, Reason, Recovery
from fleetsave.model.recovery_keys import (
    RecoveryId,
    idempotency_key,
    is_beside_recoveries,
    parse_recovery_key,
    recoveries_prefix,
    recovery_progress_key,
)
from fleetsave.model.recovery_records import Progress, RecoveryRecord, RecoveryRequest, RecoveryState
from fleetsave.store.base import ObjectStore


@dataclass(frozen=True)
class Begun:
    """What asking for a recovery came to; `is_replay` tells that the very same request had begun it before."""

    recovery: Recovery
    is_replay: bool


@dataclass(frozen=True)
class Answered:
    """What is kept of a request with an Idempotency-Key."""

    recovery_id: str
    digest: str


@dataclass(frozen=True)
class Listed:
    """A recovery as a listing shows it, without a record being read: the states reached, each with its record's number."""

    id: RecoveryId
    states: Sequence[tuple[int, RecoveryState]]

    @property
    def is_finished(self) -> bool:
        """Tell whether nothing more will happen."""
        return any(state in FINAL for _, state in self.states)


_RECORD = TypeAdapter(RecoveryRecord)
_ANSWERED = TypeAdapter(Answered)
_PROGRESS = TypeAdapter(Progress)


class Recoveries:
    """The recoveries of one store; `conditional_writes` tells whether its `if_absent` is atomic, which only `begin` needs."""

    def __init__(self, store: ObjectStore, *, conditional_writes: bool = True) -> None:
        self._store = store
        self._conditional_writes = conditional_writes

    def begin(self, request: RecoveryRequest, now: datetime) -> Begun:
        """Begin a recovery, or return the one that the same request with the same Idempotency-Key has begun.

        Raise RecoveryRefusedError if another one runs on the target server, or if the Idempotency-Key was used for another
        request; CatalogError or StoreError if the records cannot be read or written.
        """
        replayed = self.replayed(request)
        if replayed is not None:
            return Begun(replayed, is_replay=True)
        listed = self.listed(request.target_server_id)
        running = next((one for one in listed if not one.is_finished), None)
        if running is not None:
            return self._replay_or_refuse(running.id, request)
        recovery_id = RecoveryId(request.target_server_id, max((one.id.number for one in listed), default=0) + 1)
        record = RecoveryRecord(
            recovery_id=str(recovery_id),
            state=RecoveryState.REQUESTED,
            at=now,
            detail=f"asked for by {request.requested_by}",
            fleetsave_version=fleetsave.__version__,
            request=request,
            nonce=token_hex(16),
        )
        if not (self._conditional_writes or is_claimed_alone(self._store, recovery_id)):
            raise _contested(request.target_server_id)
        if not self._claim(recovery_id, record):
            return self._replay_or_refuse(recovery_id, request)
        self.remember(recovery_id, request)
        return Begun(Recovery(recovery_id, (record,)), is_replay=False)

    def replayed(self, request: RecoveryRequest) -> Recovery | None:
        """Return the recovery that the same request with the same Idempotency-Key has begun, None if none has.

        Raise RecoveryRefusedError if the key was used for another request, CatalogError or StoreError as `load` does.
        """
        answered = self._answered(request)
        return None if answered is None else self.load(answered)

    def remember(self, recovery_id: RecoveryId, request: RecoveryRequest) -> None:
        """Keep the answer to a request with an Idempotency-Key; doing it again changes nothing."""
        if request.idempotency is not None:
            body = _ANSWERED.dump_json(Answered(str(recovery_id), request.digest))
            try:
                self._store.put(idempotency_key(request.idempotency), body, if_absent=True)
            except ObjectExistsError:
                return

    def append(self, recovery: Recovery, record: RecoveryRecord) -> Recovery:
        """Write the next record and return the recovery with it. Raise StoreError."""
        written = {number for number, _ in self._states(recovery.id)}
        key = recovery.id.record_key(max(written, default=0) + 1, record.state)
        body = _RECORD.dump_json(record, indent=2)
        try:
            self._store.put(key, body, if_absent=True)
        except ObjectExistsError:
            if self._store.get(key) != body:  # else it was ours, and only the reply was lost
                raise
        return Recovery(recovery.id, (*recovery.records, record))

    def load(self, recovery_id: RecoveryId) -> Recovery:
        """Read all records. Raise ObjectNotFoundError if there is no such recovery, CatalogError for a record that is none."""
        return self.read(Listed(recovery_id, self._states(recovery_id)))

    def read(self, listed: Listed) -> Recovery:
        """Read the records that a listing showed, as `load` does, without listing them again."""
        records = [self._read(listed.id, number, state) for number, state in listed.states]
        if not records:
            raise ObjectNotFoundError(
                "find recovery", str(listed.id), "there is none of that id", "List the server's recoveries."
            )
        if records[0].request is None:
            raise CatalogError(
                "read recovery", listed.id.prefix, "its first record holds no request", "It was changed by hand; put it right."
            )
        return Recovery(listed.id, tuple(records))

    def listed(self, server_id: str | None = None) -> list[Listed]:
        """List the recoveries to one server, or to all, the newest first, without reading one.

        Raise CatalogError for what is no record.
        """
        found: dict[RecoveryId, list[tuple[int, RecoveryState]]] = {}
        for info in self._store.list(recoveries_prefix(server_id)):
            if not is_beside_recoveries(info.key):
                recovery_id, number, state = _parse(info.key)
                found.setdefault(recovery_id, []).append((number, state))
        return [Listed(one, sorted(found[one])) for one in sorted(found, reverse=True)]

    def has_begun(self, recovery_id: RecoveryId) -> bool:
        """Tell whether a recovery's first record is there, asking for it by name, which no listing can hide."""
        try:
            self._store.head(recovery_id.record_key(1, RecoveryState.REQUESTED))
        except ObjectNotFoundError:
            return False
        return True

    def first(self, recovery_id: RecoveryId) -> RecoveryRecord:
        """Read the record that says what was asked for. Raise CatalogError or StoreError."""
        return self._read(recovery_id, 1, RecoveryState.REQUESTED)

    def running(self, server_id: str) -> RecoveryId | None:
        """Return the recovery on a server that is not finished, None if there is none."""
        return next((one.id for one in self.listed(server_id) if not one.is_finished), None)

    def save_progress(self, recovery_id: RecoveryId, progress: Progress) -> None:
        """Tell how far a recovery is; what was told before is replaced."""
        self._store.put(recovery_progress_key(recovery_id.server_id), _PROGRESS.dump_json(progress))

    def progress(self, server_id: str) -> Progress | None:
        """Return what was last told on a server, None if nothing readable was."""
        try:
            return _PROGRESS.validate_json(self._store.get(recovery_progress_key(server_id)))
        except (ObjectNotFoundError, ValidationError):
            return None  # it is a courtesy, and may be lost

    def _claim(self, recovery_id: RecoveryId, record: RecoveryRecord) -> bool:
        """Write the first record of a number, and tell whether it is ours that stands there."""
        key = recovery_id.record_key(1, RecoveryState.REQUESTED)
        body = _RECORD.dump_json(record, indent=2)
        try:
            self._store.put(key, body, if_absent=True)
        except ObjectExistsError:
            return self._store.get(key) == body
        return self._store.get(key) == body

    def _answered(self, request: RecoveryRequest) -> RecoveryId | None:
        if request.idempotency is None:
            return None
        try:
            answered = _ANSWERED.validate_json(self._store.get(idempotency_key(request.idempotency)))
        except ObjectNotFoundError:
            return None
        except ValidationError:
            raise CatalogError(
                "read", idempotency_key(request.idempotency), "it is not what was written there", "Use another Idempotency-Key."
            ) from None
        if answered.digest != request.digest:
            raise _mismatch(answered.recovery_id)
        return RecoveryId.parse(answered.recovery_id)

    def _replay_or_refuse(self, running: RecoveryId, request: RecoveryRequest) -> Begun:
        recovery = self.load(running)
        if request.idempotency is not None and recovery.request.idempotency == request.idempotency:
            if recovery.request.digest != request.digest:
                raise _mismatch(str(running))
            self.remember(running, request)
            return Begun(recovery, is_replay=True)
        raise RecoveryRefusedError(
            "recover",
            request.target_server_id,
            f"recovery {running} is under way there",
            f"Wait for it, or cancel it: POST /backup/recover/{running}/cancel.",
            reason=Reason.RECOVERY_RUNNING,
            recovery_id=str(running),
        )

    def _states(self, recovery_id: RecoveryId) -> list[tuple[int, RecoveryState]]:
        return sorted(_parse(info.key)[1:] for info in self._store.list(recovery_id.prefix))

    def _read(self, recovery_id: RecoveryId, number: int, state: RecoveryState) -> RecoveryRecord:
        key = recovery_id.record_key(number, state)
        try:
            return _RECORD.validate_json(self._store.get(key))
        except ValidationError as error:
            raise CatalogError(
                "read record",
                key,
                f"{error.error_count()} fields do not fit: {error.errors(include_input=False)[0]['msg']}",
                "The object may have been changed by hand or by a newer fleetsave.",
            ) from None


def _parse(key: str) -> tuple[RecoveryId, int, RecoveryState]:
    try:
        recovery_id, number, state = parse_recovery_key(key)
        return recovery_id, number, RecoveryState(state)
    except (InvalidInputError, ValueError) as error:
        raise CatalogError(
            "list recoveries", key, f"it is no record of a recovery: {error}"[:300], "Move it out of recoveries/."
        ) from None


def _contested(server_id: str) -> RecoveryRefusedError:
    return RecoveryRefusedError(
        "recover",
        server_id,
        "another recovery of it was asked for at the same moment",
        "Look at the server's recoveries, and ask again.",
        reason=Reason.RECOVERY_RUNNING,
    )


def _mismatch(recovery_id: str) -> RecoveryRefusedError:
    return RecoveryRefusedError(
        "recover",
        recovery_id,
        "its Idempotency-Key was used for another request",
        "Use a new Idempotency-Key for a new request.",
        reason=Reason.IDEMPOTENCY_MISMATCH,
    )
