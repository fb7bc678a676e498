"""Every error of fleetsave, each saying what failed, on what, why, and what a person should do.

FleetsaveError
├── InvalidInputError          an id, key, slot or event from outside is refused
├── ConfigurationError         the fleet file, a setting or a secret is wrong
├── TransportError             a server cannot be reached or misbehaves
│   ├── HostKeyError           the server's host key is unknown or has changed
│   ├── AuthenticationError    the server refused the login
│   ├── StalledError           bytes stopped flowing
│   └── RemoteFileError        a path on the server is missing or unreadable
├── CaptureError               no consistent snapshot of the source could be taken
├── StoreError                 the object storage refused or failed
│   ├── ObjectNotFoundError    no object at that key
│   ├── ObjectExistsError      an object is at that key already
│   └── AccessDeniedError      the credentials may not do that
├── QueueError               a queue or the event bus did not take a message
├── ChannelError             a notice or a ping was not taken
├── CatalogError               a record is missing, unreadable or contradicts another
├── RecoveryRefusedError       a request for a recovery cannot be granted as it is
├── RestoreError               a backup could not be restored on the server, or the server is not fit for it
├── ApiProblemError            the recovery API refused a call, failed, or did not answer
├── VerificationError          a backup could not be judged (not: was judged bad)
└── PruneRefusedError          a guard forbids deleting
"""


class FleetsaveError(Exception):
    """A failure that a person can act on.

    `operation` is what was being done, `target` what it was done to, `cause` why it failed, `hint` what to do next, and
    `retryable` whether the same call may succeed later without anybody changing anything.
    """

    def __init__(self, operation: str, target: str, cause: str, hint: str, *, retryable: bool = False) -> None:
        super().__init__(operation, target, cause, hint)
        self.operation = operation
        self.target = target
        self.cause = cause
        self.hint = hint
        self.retryable = retryable

    def __str__(self) -> str:
        again = "will be retried" if self.retryable else "will not be retried"
        return f"{self.operation} {self.target}: {self.cause}. {self.hint} ({again})"

    def as_dict(self) -> dict[str, str | bool]:
        """Return the error as flat JSON-ready values, for logs, records and `--json`."""
        return {
            "error": type(self).__name__,
            "operation": self.operation,
            "target": self.target,
            "cause": self.cause,
            "hint": self.hint,
            "retryable": self.retryable,
        }


class InvalidInputError(FleetsaveError):
    """An id, key, slot or event from outside is not of the one accepted form."""


class ConfigurationError(FleetsaveError):
    """The fleet file, a setting or a secret is missing or wrong."""


class TransportError(FleetsaveError):
    """A server cannot be reached, or what it answers makes no sense."""


class HostKeyError(TransportError):
    """The server's host key is not one of those pinned; no login was tried."""


class AuthenticationError(TransportError):
    """The server refused the login."""


class StalledError(TransportError):
    """Bytes stopped flowing for longer than the limit."""


class RemoteFileError(TransportError):
    """A path on the server is missing, unreadable, or not a file."""


class CaptureError(FleetsaveError):
    """No consistent snapshot of the source could be taken.

    `reason` is a stable word for machines, e.g. `locked`, `not_a_database`, `disk_full` (`sources.sqlite` lists them).
    """

    def __init__(self, operation: str, target: str, cause: str, hint: str, *, reason: str, retryable: bool = False) -> None:
        super().__init__(operation, target, cause, hint, retryable=retryable)
        self.reason = reason

    def as_dict(self) -> dict[str, str | bool]:
        """Return the error as flat JSON-ready values, with its reason."""
        return {**super().as_dict(), "reason": self.reason}


class RecoveryRefusedError(FleetsaveError):
    """A request for a recovery cannot be granted as it is; nothing was touched.

    `reason` is a stable word for machines, e.g. `pruned`, `not_verified`, `recovery_running` (`model.recoveries` lists them).
    `recovery_id` is the recovery that stands in the way, where one does.
    """

    def __init__(
        self, operation: str, target: str, cause: str, hint: str, *, reason: str, recovery_id: str | None = None
    ) -> None:
        super().__init__(operation, target, cause, hint)
        self.reason = reason
        self.recovery_id = recovery_id

    def as_dict(self) -> dict[str, str | bool]:
        """Return the error as flat JSON-ready values, with its reason."""
        return {**super().as_dict(), "reason": self.reason}


class RestoreError(FleetsaveError):
    """A backup could not be restored on the server, or the server is not fit for it.

    `reason` is a stable word for machines, e.g. `no_room`, `in_use`, `damaged_copy` (`sources.sqlite` lists them).
    """

    def __init__(self, operation: str, target: str, cause: str, hint: str, *, reason: str, retryable: bool = False) -> None:
        super().__init__(operation, target, cause, hint, retryable=retryable)
        self.reason = reason

    def as_dict(self) -> dict[str, str | bool]:
        """Return the error as flat JSON-ready values, with its reason."""
        return {**super().as_dict(), "reason": self.reason}


class ApiProblemError(FleetsaveError):
    """The recovery API refused a call, failed, or did not answer.

    `status` is the HTTP status of its answer, None if there was none; `reason` the problem's stable word for machines
    (`model.recoveries` lists them), None where the answer gave none.
    """

    def __init__(
        self,
        operation: str,
        target: str,
        cause: str,
        hint: str,
        *,
        status: int | None,
        reason: str | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(operation, target, cause, hint, retryable=retryable)
        self.status = status
        self.reason = reason

    def as_dict(self) -> dict[str, str | bool]:
        """Return the error as flat JSON-ready values, with its status (as text) and its reason where there are such."""
        found = {"status": str(self.status) if self.status else None, "reason": self.reason}
        return {**super().as_dict(), **{name: value for name, value in found.items() if value is not None}}


class StoreError(FleetsaveError):
    """The object storage refused a call or failed."""


class ObjectNotFoundError(StoreError):
    """There is no object at that key."""


class ObjectExistsError(StoreError):
    """There is an object at that key already, and it must not be replaced."""


class AccessDeniedError(StoreError):
    """The credentials in use may not do that, or the bucket is not theirs."""


class QueueError(FleetsaveError):
    """A queue or the event bus did not take a message."""


class ChannelError(FleetsaveError):
    """A notice or a ping was not taken by where it was sent; the address, which is a secret, is never in it."""


class CatalogError(FleetsaveError):
    """A record is missing, unreadable, or contradicts another."""


class VerificationError(FleetsaveError):
    """A backup could not be judged, e.g. for lack of room; it is neither verified nor rejected."""


class PruneRefusedError(FleetsaveError):
    """A guard forbids deleting in this run; nothing was deleted by it."""
