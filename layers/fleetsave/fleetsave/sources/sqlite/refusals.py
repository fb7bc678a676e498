"""Why a live database cannot be captured: every reason by its name, what a person should do, and whether it may pass.

The names are stable: they stand in records, alarms and tests.
"""

from dataclasses import dataclass

from fleetsave.model.errors import CaptureError


@dataclass(frozen=True)
class Refusal:
    """One reason: what to do about it, and whether the same capture may succeed later by itself."""

    hint: str
    retryable: bool = False


REFUSALS = {
    "missing": Refusal("Check the path in the fleet file."),
    "nothing_matches": Refusal("Check the pattern in the fleet file."),
    "not_a_file": Refusal("Give the path of the database file itself."),
    "no_permission": Refusal("Let the account read the file and enter the folders above it."),
    "unsupported_name": Refusal("Rename the file: its name must be UTF-8 text."),
    "empty": Refusal("There is nothing to back up; remove the entry, or look why the game has made no tables."),
    "not_a_database": Refusal("It is encrypted or of another program. Only plain SQLite databases can be captured."),
    "damaged": Refusal(
        "The live database itself is damaged. Keep the older backups; stop the game, and recover the newest verified one."
    ),
    "locked": Refusal("Another process holds it locked; find it on the server with `lslocks` or `fuser`.", retryable=True),
    "exclusive_lock": Refusal(
        "A WAL database stays readable unless a program sets PRAGMA locking_mode=EXCLUSIVE, which shuts everybody else out: "
        "set it to NORMAL in the game. `lslocks` on the server names the process.",
        retryable=True,
    ),
    "deadline": Refusal("Raise `deadline` for this database, or look why the server is slow.", retryable=True),
    "lock_limit": Refusal("Writers would wait too long: switch the database to WAL, or raise `lock_limit`.", retryable=True),
    "hot_journal": Refusal(
        "A program died while it wrote, and its journal has not been rolled back. Start the game once: it recovers the database."
    ),
    "read_only_folder": Refusal(
        "Its journal files can neither be made nor read by this account: let it write the folder, or log in as the game's user."
    ),
    "busy": Refusal("The run before may still be at work there; this one tries again later.", retryable=True),
    "changed": Refusal("Somebody changed it while it was read without a lock; the next run tries again.", retryable=True),
    "wal_too_large": Refusal("Let the game checkpoint (PRAGMA wal_checkpoint), or make room for a snapshot.", retryable=True),
    "unknown_wal_index": Refusal("Make room for a snapshot on the server: this SQLite cannot be streamed."),
    "disk_full": Refusal("Make room on the server, or set `staging` to a folder with more of it.", retryable=True),
    "no_staging": Refusal("Set `staging` to a folder that the account may write."),
    "unsafe_staging": Refusal("Remove it or set `staging` to a folder that belongs to the account and only it can write."),
    "no_room_here": Refusal("Make room for a snapshot on the server, or give the collect function more temporary storage."),
    "network_file_system": Refusal("Locks do not hold there. Log in to the machine that has the disk, and back up from it."),
    "sftp_only": Refusal("Use an account that may run commands; nothing is installed on the server."),
    "no_tools": Refusal("Install python3 (3.6 or later) or sqlite3 (3.27 or later) on the server, or set `python` for it."),
    "no_snapshot_method": Refusal("Install python3 3.7 or later, or sqlite3 3.27 or later, on the server."),
    "bad_check": Refusal("Correct the check in the fleet file: one SELECT that gives text, numbers or NULL."),
    "not_served": Refusal(
        "Name it in the agent's or the gate's configuration, as the fleet file does (docs/agent.md, docs/server-account.md)."
    ),
    "gate_differs": Refusal(
        "Install this version's agent/fleetsave_gate.py on the server (docs/server-account.md).", retryable=True
    ),
    "path_differs": Refusal("Write the same path into the fleet file and into the agent's configuration (docs/agent.md)."),
    "selection_differs": Refusal(
        "Write the same patterns into the agent's configuration, or leave them out of the fleet file (docs/agent.md)."
    ),
    "checks_differ": Refusal(
        "Write the same SQL into the agent's or the gate's configuration, or leave it out of the fleet file (docs/agent.md)."
    ),
    "bad_request": Refusal("Report this: the server was asked for something it does not know."),
    "bad_reply": Refusal("Look at what the account's login prints, and at the server itself.", retryable=True),
    "snapshot_gone": Refusal("Something removed it from the staging folder; it is taken again.", retryable=True),
    "not_whole": Refusal("The copy is not what the server saw; it is taken again.", retryable=True),
    "abandoned": Refusal("The connection was lost; it is taken again.", retryable=True),
    "io_error": Refusal("Look at the server's disk and its kernel log.", retryable=True),
    "sqlite_error": Refusal("SQLite on the server could not read it; try `sqlite3 FILE .schema` there."),
}
_UNKNOWN = Refusal("Look at the server: it gave a reason that is not known here.")


def refusal(source_path: str, reason: str, cause: str) -> CaptureError:
    """Return the error for a reason."""
    known = REFUSALS.get(reason, _UNKNOWN)
    return CaptureError("capture", source_path, cause, known.hint, reason=reason, retryable=known.retryable)
