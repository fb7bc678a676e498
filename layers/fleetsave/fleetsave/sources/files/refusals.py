"""Why folders cannot be archived: every reason by its name, what a person should do, and whether it may pass.

What keeps a database from being captured has the names of `fleetsave.sources.sqlite.refusals`.
"""

from fleetsave.model.errors import CaptureError
from fleetsave.sources.sqlite.refusals import Refusal
from fleetsave.sources.sqlite.refusals import refusal as sqlite_refusal

ARCHIVE_REFUSALS = {
    "missing": Refusal("Check the path in the fleet file."),
    "not_a_folder": Refusal("Give the path of a folder; a single file is what `include` is for."),
    "no_permission": Refusal("Let the account list the folder, and enter those above it."),
    "bad_pattern": Refusal("Correct `include` or `exclude` in the fleet file."),
    "disk_full": Refusal("Make room on the server for the snapshot of a database, or set `staging`.", retryable=True),
    "too_slow": Refusal(
        "Split it into several sets, exclude what need not be kept, or give the collect function more memory: that is faster."
    ),
    "too_large": Refusal("Split it into several sets, or exclude what need not be kept."),
    "deadline": Refusal("Raise its `deadline`, split it into several sets, or look why the server is slow.", retryable=True),
    "altered_in_transit": Refusal("What arrived is not what the server sent; it is taken again.", retryable=True),
    "cut_short": Refusal("The connection or the script on the server ended early; it is taken again.", retryable=True),
    "bad_reply": Refusal("Look at what the account's login prints, and at the server itself.", retryable=True),
    "no_tools": Refusal("Install python3 (3.6 or later) on the server, set `python` for it, or let the account use SFTP."),
    "sftp_only": Refusal("Use an account that may run commands; nothing is installed on the server."),
    "io_error": Refusal("Look at the server's disk and its kernel log.", retryable=True),
}


def archive_refusal(source_path: str, reason: str, cause: str) -> CaptureError:
    """Return the error for a reason."""
    known = ARCHIVE_REFUSALS.get(reason)
    if known is None:
        return sqlite_refusal(source_path, reason, cause)
    return CaptureError("archive", source_path, cause, known.hint, reason=reason, retryable=known.retryable)
