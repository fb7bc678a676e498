"""Jobs: what a message of the collect queue carries."""

from dataclasses import dataclass
from datetime import timedelta

from pydantic import TypeAdapter

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.keys import ArtifactId, BackupKey
from fleetsave.model.kinds import Kind
from fleetsave.model.messages import read_message
from fleetsave.model.records import StoredRecord
from fleetsave.model.slots import Slot

MAXIMUM_REPAIRS = 3
"""How often a rejected backup of one slot is captured again before only an alarm is left."""


@dataclass(frozen=True)
class Job:
    """One artifact to capture for one slot; `source_path` is set where a glob of the fleet file matched several files.

    `repair` counts captures repeated because the backup before was rejected, `hop` how often the job was handed on.
    A `sweep` captures nothing: it removes what earlier runs have left on the artifact's server.
    """

    artifact_id: ArtifactId
    slot: Slot
    source_path: str | None = None
    repair: int = 0
    hop: int = 0
    sweep: bool = False

    @property
    def stored_slot(self) -> Slot:
        """Return the slot the backup is stored under."""
        return self.slot.repair(self.repair)

    @property
    def identity(self) -> str:
        """Return the text that is equal for two messages exactly if they ask for the same work."""
        return f"{self.artifact_id}/{self.stored_slot.text}/{self.hop}{'/sweep' if self.sweep else ''}"

    @property
    def group(self) -> str:
        """Return what must not run side by side: a server's jobs; a recovery's own backup passes those it holds up."""
        return f"{self.artifact_id.server_id}{'/safety' if self.artifact_id.is_safety else ''}"

    def to_json(self) -> str:
        """Return the message body."""
        message = _Message(
            server_id=self.artifact_id.server_id,
            kind=self.artifact_id.kind,
            artifact=self.artifact_id.artifact,
            slot=self.slot.text,
            source_path=self.source_path,
            repair=self.repair,
            hop=self.hop,
            sweep=self.sweep,
        )
        return _MESSAGE.dump_json(message).decode()

    @classmethod
    def from_json(cls, body: str) -> "Job":
        """Read a message body. Raise InvalidInputError if it is not a job."""
        message = read_message(_MESSAGE, body, "job", "collect", "Jobs are made by dispatch; drop this message.")
        if not (0 <= message.repair <= MAXIMUM_REPAIRS and message.hop >= 0):
            raise InvalidInputError("read job", "collect message", "repair or hop is out of range", "Drop this message.")
        artifact_id = ArtifactId(message.server_id, message.kind, message.artifact)
        return cls(artifact_id, Slot.parse(message.slot), message.source_path, message.repair, message.hop, message.sweep)

    @classmethod
    def again(cls, stored: StoredRecord) -> "Job | None":
        """Return the job that captures a rejected backup's slot once more; None after MAXIMUM_REPAIRS of them."""
        if not 0 <= stored.repair < MAXIMUM_REPAIRS:
            return None
        key = BackupKey.parse(stored.key)
        slot = Slot(key.slot.at - timedelta(seconds=stored.repair))
        return cls(key.artifact_id, slot, stored.source_path, stored.repair + 1)


@dataclass(frozen=True)
class _Message:
    server_id: str
    kind: Kind
    artifact: str
    slot: str
    source_path: str | None = None
    repair: int = 0
    hop: int = 0
    sweep: bool = False


_MESSAGE = TypeAdapter(_Message)
