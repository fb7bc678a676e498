"""What is wrong with an archive that was read."""

from fleetsave.model.errors import VerificationError


class MalformedArchiveError(VerificationError):
    """These bytes are no archive as a capture writes it: cut short, altered, or made by somebody else.

    Unlike its parent this is a finding about the backup: reading it again gives the same.
    """


def malformed(target: str, position: int, cause: str) -> MalformedArchiveError:
    """Return the error for what was met at byte `position` of the plain stream."""
    hint = "The archive is not what a capture writes; use another backup."
    return MalformedArchiveError("read archive", target, f"at byte {position}: {cause}", hint)
