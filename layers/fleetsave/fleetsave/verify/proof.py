"""All that is asked of one backup; what that is depends on what it holds."""

from collections.abc import Callable, Mapping
from pathlib import Path

from fleetsave.checks.checksum import ReadBack
from fleetsave.model.errors import VerificationError
from fleetsave.model.kinds import Kind
from fleetsave.model.records import Finding, StoredRecord
from fleetsave.verify import proof_of_archive, proof_of_database, proof_of_dump
from fleetsave.verify.ports import Ports

_Prove = Callable[[StoredRecord, Path, Ports], tuple[list[Finding], ReadBack]]
_PROOFS: Mapping[str, _Prove] = {
    Kind.DATABASE: proof_of_database.prove,
    Kind.POSTGRESQL: proof_of_dump.prove,
    Kind.FILES: proof_of_archive.prove,
    Kind.FULL: proof_of_archive.prove,
}


def prove(record: StoredRecord, folder: Path, ports: Ports) -> tuple[list[Finding], ReadBack]:
    """Return every finding on a backup, and what reading it came to; `folder` is a private one with nothing in it.

    Raise VerificationError if it cannot be judged, or if there are no checks for this kind.
    """
    proof = _PROOFS.get(record.kind)
    if proof is None:
        raise VerificationError("verify", record.key, f"nothing here can restore kind {record.kind!r}", "Use a newer fleetsave.")
    return proof(record, folder, ports)
