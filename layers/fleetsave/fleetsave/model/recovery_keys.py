"""The ids of recoveries and the keys of all that is written of them, as `keys` has those of backups.

recoveries/{recovery id}/{number}-{state}.json, a recovery id being {server_id}.{number}
recoveries/idempotency/{sha256}.json, recoveries/claims/{recovery id}/{token}.json
state/{server_id}/recovery.json
"""

import re
from dataclasses import dataclass

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.keys import parse_id

_RECOVERY_ID = re.compile(r"([^/.]+)\.([0-9]{6})", re.ASCII)
_RECOVERY_RECORD = re.compile(r"recoveries/([^/]+)/([0-9]{3})-([a-z_]+)\.json", re.ASCII)
_IDEMPOTENCY = "recoveries/idempotency/"
_CLAIMS = "recoveries/claims/"
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, order=True)
class RecoveryId:
    """One recovery: the server it restores to, and a number that grows by one with each of that server's recoveries.

    Taking the next number is what makes a server's recoveries one at a time: a number can be taken once only.
    """

    server_id: str
    number: int

    def __post_init__(self) -> None:
        parse_id(self.server_id, "server id")
        if not 1 <= self.number <= 999_999:
            raise InvalidInputError("read recovery id", str(self.number), "it is not a number of six digits", "Count from 1.")

    def __str__(self) -> str:
        return f"{self.server_id}.{self.number:06d}"

    @classmethod
    def parse(cls, text: str) -> "RecoveryId":
        """Read an id such as `server_001.000017`. Raise InvalidInputError for anything else."""
        match = _RECOVERY_ID.fullmatch(text)
        if match is None:
            raise InvalidInputError(
                "read recovery id", repr(text[:100]), "it is not the id of a recovery", "For example server_001.000017."
            )
        return cls(match[1], int(match[2]))

    @property
    def prefix(self) -> str:
        """Return the prefix of this recovery's records."""
        return f"recoveries/{self}/"

    def record_key(self, number: int, state: str) -> str:
        """Return the key of one of this recovery's records; `number` counts them from 1."""
        return f"{self.prefix}{number:03d}-{state}.json"


def parse_recovery_key(text: str) -> tuple[RecoveryId, int, str]:
    """Read the key of a recovery's record: id, number, state. Raise InvalidInputError if it is none."""
    match = _RECOVERY_RECORD.fullmatch(text)
    if match is None:
        raise InvalidInputError(
            "read recovery record key",
            repr(text[:200]),
            "it is not the key of one",
            "They are recoveries/{id}/{number}-{state}.json.",
        )
    return RecoveryId.parse(match[1]), int(match[2]), match[3]


def recoveries_prefix(server_id: str | None = None) -> str:
    """Return the prefix of all recoveries, under which answers and claims lie too, or of those to one server."""
    return "recoveries/" if server_id is None else f"recoveries/{parse_id(server_id, 'server id')}."


def is_beside_recoveries(key: str) -> bool:
    """Tell whether a key under the prefix of all recoveries is that of an answer or a claim, not of a recovery's record."""
    return key.startswith((_IDEMPOTENCY, _CLAIMS))


def recovery_claims_prefix(recovery_id: RecoveryId) -> str:
    """Return the prefix of the claims of those who want to begin this recovery."""
    return f"{_CLAIMS}{recovery_id}/"


def recovery_claim_key(recovery_id: RecoveryId, token: str) -> str:
    """Return the key of one claim; `token` is what nobody else uses, in characters of an id."""
    return f"{recovery_claims_prefix(recovery_id)}{parse_id(token, 'token')}.json"


def idempotency_key(digest: str) -> str:
    """Return the key under which the answer to a request with an Idempotency-Key is kept; `digest` is a SHA-256 hex."""
    if not _DIGEST.fullmatch(digest):
        raise InvalidInputError("read digest", repr(digest[:100]), "it is not a SHA-256", "Give 64 hexadecimal digits.")
    return f"{_IDEMPOTENCY}{digest}.json"


def recovery_progress_key(server_id: str) -> str:
    """Return the key of how far the recovery under way on a server is; it may be lost."""
    return f"state/{parse_id(server_id, 'server id')}/recovery.json"
