"""What collect has noted of an artifact: how far its upload is, and why its last run stored nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel, ValidationError

from fleetsave.model.errors import ObjectNotFoundError
from fleetsave.model.keys import ArtifactId
from fleetsave.store.base import ObjectStore

AT_WORK = timedelta(minutes=20)
"""A run writes its state at every part, and ends within 15 minutes: one that has not for so long is at an end."""


class Failure(BaseModel):
    """Why the last run stored nothing."""

    cause: str
    hint: str
    retryable: bool
    slot: str


class _Progress(BaseModel):
    key: str
    upload_id: str


class _Transfer(BaseModel):
    progress: _Progress


class _State(BaseModel):
    transfer: _Transfer | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class ArtifactState:
    """What is noted, with the time it was written; `key` and `upload_id` are those of the upload under way, if one is."""

    written_at: datetime | None = None
    key: str | None = None
    upload_id: str | None = None
    failure: Failure | None = None

    def is_at_work(self, now: datetime) -> bool:
        """Tell whether a run seems to be transferring right now."""
        return self.key is not None and self.written_at is not None and now - self.written_at < AT_WORK


def read_state(store: ObjectStore, artifact_id: ArtifactId) -> ArtifactState:
    """Return what is noted of an artifact; nothing where nothing is, or nothing readable: state may be lost. Raise StoreError."""
    try:
        written_at = store.head(artifact_id.state_key).last_modified
        state = _State.model_validate_json(store.get(artifact_id.state_key))
    except (ObjectNotFoundError, ValidationError):
        return ArtifactState()
    progress = state.transfer.progress if state.transfer else None
    return ArtifactState(
        written_at, progress.key if progress else None, progress.upload_id if progress else None, state.failure
    )  # fmt: skip
