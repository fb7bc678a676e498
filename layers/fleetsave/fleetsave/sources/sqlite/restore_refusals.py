"""Why a database cannot be restored on its server: every reason by its name, what a person should do, and whether it may pass.

The names are stable: they stand in records, alarms and tests.
"""

from fleetsave.model.errors import RestoreError
from fleetsave.sources.sqlite.refusals import Refusal

_BY_HAND = "or restore by hand after docs/runbook-recovery.md"

RESTORE_REFUSALS = {
    "sftp_only": Refusal(f"Give recovery.user an account that may run commands, {_BY_HAND}."),
    "no_tools": Refusal(f"Install python3 3.7 or later on the server, or set `python` for it, {_BY_HAND}."),
    "no_permission": Refusal("Set recovery.user to root, or to the owner of the database, who must be able to write its folder."),
    "missing_folder": Refusal("Make the folder, or correct the path."),
    "outside_folders": Refusal("Give a path in a folder of the server's databases, or name the folder in recovery.folders."),
    "target_exists": Refusal("Nothing is ever overwritten: look what stands there, and move it away or choose another path."),
    "stale_sidecars": Refusal(
        "Move the -wal, -shm or -journal away, or choose another path: beside a new database they ruin it."
    ),
    "not_a_file": Refusal("Give the path of the database file itself."),
    "missing": Refusal("It was there before: look who removed it, and recover again."),
    "empty": Refusal("It has become empty since it was looked at: recover again, and it is set aside."),
    "not_a_database": Refusal("It is no database any more: recover again, and it is set aside."),
    "damaged": Refusal("It is too damaged for SQLite to write: recover again, and it is set aside."),
    "network_file_system": Refusal("Locks do not hold there. Restore on the machine that has the disk."),
    "no_room": Refusal("Make room on the disk of the database, and recover again."),
    "disk_full": Refusal("Make room on the disk of the database; the database is as it was."),
    "unsafe_folder": Refusal("Somebody else made the recovery's folder: look what it is, and remove it."),
    "busy": Refusal("A process of this recovery may still be at work there; this one tries again later.", retryable=True),
    "locked": Refusal(
        "Stop the program that holds it, or let recovery.before do so; `lslocks` and `fuser` name it. The database is as it was.",
        retryable=True,
    ),
    "exclusive_lock": Refusal(
        "A program has set PRAGMA locking_mode=EXCLUSIVE, which shuts everybody else out: stop it, or let recovery.before do so. "
        "`lslocks` on the server names it.",
        retryable=True,
    ),
    "in_use": Refusal("A damaged file can be replaced only while nobody has it open: stop them, or let recovery.before do so."),
    "gap": Refusal("Bytes that had arrived are gone; the upload goes on from what is there.", retryable=True),
    "altered_copy": Refusal("The copy is not the backup; it was removed, and is sent again.", retryable=True),
    "no_copy": Refusal("The copy is gone or was never checked; it is sent again.", retryable=True),
    "page_size_differs": Refusal("SQLite cannot change that in a WAL database in use: the old file has to be set aside."),
    "other_method": Refusal("Finish it by that method, or roll back and recover again."),
    "rolled_back": Refusal("Begin a new recovery."),
    "unfinished": Refusal("Finish the swap or roll it back first: what was there may be nowhere else."),
    "before_lost": Refusal("Recover the safety backup; somebody has removed files from the recovery's folder."),
    "not_equal": Refusal("What SQLite wrote is not what the copy holds: roll back, and look at the server's disk and memory."),
    "not_whole": Refusal("Somebody has removed files from the recovery's folder: roll back, and recover again."),
    "no_hard_links": Refusal(
        f"Its file system cannot place a file without risk to another: use one that has hard links, {_BY_HAND}."
    ),
    "bad_check": Refusal("Correct the check in the fleet file: one SELECT that gives text, numbers or NULL."),
    "deadline": Refusal("Look why the server is slow; it goes on where it was.", retryable=True),
    "changed": Refusal("Somebody changed it while it was looked at; it is looked at again.", retryable=True),
    "not_served": Refusal(
        "Only what the configuration of the agent, or of the gate, names is restored, where it is (docs/agent.md, "
        f"docs/server-account.md), {_BY_HAND}."
    ),
    "gate_differs": Refusal(
        "Install this version's agent/fleetsave_gate.py on the server (docs/server-account.md).", retryable=True
    ),
    "path_differs": Refusal("Write the same path into the fleet file and into the agent's configuration (docs/agent.md)."),
    "checks_differ": Refusal("Let the agent's configuration have the checks that the backup was made with (docs/agent.md)."),
    "bad_request": Refusal("Report this: the server was asked for something it does not know."),
    "bad_reply": Refusal("Look at what the account's login prints, and at the server itself.", retryable=True),
    "io_error": Refusal("Look at the server's disk and its kernel log.", retryable=True),
    "hot_journal": Refusal("A program died while it wrote: start the game once, or recover again.", retryable=True),
    "read_only_folder": Refusal("Set recovery.user to root, or to the owner of the database."),
    "sqlite_error": Refusal("SQLite on the server refused it; try `sqlite3 FILE .schema` there."),
}
_UNKNOWN = Refusal("Look at the server: it gave a reason that is not known here.")


def restore_refusal(target_path: str, reason: str, cause: str) -> RestoreError:
    """Return the error for a reason."""
    known = RESTORE_REFUSALS.get(reason, _UNKNOWN)
    return RestoreError("restore", target_path, cause, known.hint, reason=reason, retryable=known.retryable)
