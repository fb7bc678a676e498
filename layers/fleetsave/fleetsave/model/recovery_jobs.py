"""What a message of the recover queue carries."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import TypeAdapter

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.messages import read_message
from fleetsave.model.recovery_keys import RecoveryId


class Cause(StrEnum):
    """Why the worker is to look at a recovery; messages of different causes are never taken for one another."""

    REQUESTED = "requested"
    CONTINUED = "continued"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class RecoveryJob:
    """Work on a recovery, from wherever its records say it is; `hop` counts how often it was handed on."""

    recovery_id: RecoveryId
    cause: Cause = Cause.REQUESTED
    hop: int = 0

    @property
    def identity(self) -> str:
        """Return the text that is equal for two messages exactly if they ask for the same work."""
        return f"{self.recovery_id}/{self.cause}/{self.hop}"

    def to_json(self) -> str:
        """Return the message body."""
        return _MESSAGE.dump_json(_Message(str(self.recovery_id), self.cause, self.hop)).decode()

    @classmethod
    def from_json(cls, body: str) -> "RecoveryJob":
        """Read a message body. Raise InvalidInputError if it is not a recovery job."""
        hint = "Recoveries are asked for at the API; drop this message."
        message = read_message(_MESSAGE, body, "recovery job", "recover", hint)
        if message.hop < 0:
            raise InvalidInputError("read recovery job", "recover message", "hop is negative", "Drop this message.")
        return cls(RecoveryId.parse(message.recovery_id), message.cause, message.hop)


@dataclass(frozen=True)
class _Message:
    recovery_id: str
    cause: Cause = Cause.REQUESTED
    hop: int = 0


_MESSAGE = TypeAdapter(_Message)
