"""What collect remembers of an artifact between two runs; losing it costs a repeated transfer, never a backup."""

from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from fleetsave.model.errors import CaptureError, FleetsaveError, ObjectNotFoundError
from fleetsave.model.keys import ArtifactId
from fleetsave.model.records import ArchiveReport, CaptureReport, DumpReport
from fleetsave.store.base import ObjectStore
from fleetsave.store.upload import UploadProgress


@dataclass(frozen=True)
class Failure:
    """Why the last run of an artifact stored nothing; a later success clears it. `reason` is a capture error's word."""

    error: str
    operation: str
    target: str
    cause: str
    hint: str
    retryable: bool
    slot: str
    at: datetime
    reason: str | None = None


@dataclass(frozen=True)
class Transfer:
    """An upload that is under way, with the report of the frozen snapshot it reads from.

    That of a dump or an archive is kept only once all of it has been uploaded: what is left to do then needs no server.
    `stored_sha256` is that of the stored bytes, where one run saw them all; `repair` which repetition of its slot this is.
    """

    progress: UploadProgress
    capture: CaptureReport | DumpReport | ArchiveReport
    stored_sha256: str | None = None
    repair: int = 0


@dataclass(frozen=True)
class ArtifactState:
    """`state/{server}/{kind}/{artifact}.json`; it has one writer, since one server's jobs run one at a time."""

    transfer: Transfer | None = None
    failure: Failure | None = None


_STATE = TypeAdapter(ArtifactState)


class StateFile:
    """The state of one artifact, kept in the store and here."""

    def __init__(self, store: ObjectStore, artifact_id: ArtifactId) -> None:
        self._store = store
        self._key = artifact_id.state_key
        self._state = self._load()

    @property
    def transfer(self) -> Transfer | None:
        """Return the upload under way."""
        return self._state.transfer

    @property
    def failure(self) -> Failure | None:
        """Return why the last run stored nothing; None after a success."""
        return self._state.failure

    def save_transfer(self, transfer: Transfer | None) -> None:
        """Remember how far the upload is; None when none is under way."""
        self._write(replace(self._state, transfer=transfer))

    def save_success(self) -> None:
        """Forget upload and failure, if there is anything to forget."""
        self._write(ArtifactState())

    def save_failure(self, error: FleetsaveError, slot: str, at: datetime) -> None:
        """Remember why this run stored nothing."""
        reason = error.reason if isinstance(error, CaptureError) else None
        failure = Failure(
            type(error).__name__, error.operation, error.target, error.cause, error.hint, error.retryable, slot, at, reason
        )  # fmt: skip
        self._write(replace(self._state, failure=failure))

    def _load(self) -> ArtifactState:
        try:
            return _STATE.validate_json(self._store.get(self._key))
        except ObjectNotFoundError:
            return ArtifactState()
        except ValidationError:
            # Unreadable state is lost state: the transfer begins anew, and the bucket's lifecycle ends its upload.
            return ArtifactState()

    def _write(self, state: ArtifactState) -> None:
        if state != self._state:
            self._store.put(self._key, _STATE.dump_json(state))
            self._state = state
