"""Why a database cannot be restored on its server: every reason by its name, what to do, and whether it may pass.

The names are stable: they stand in records, alarms and tests. docs/runbook-recovery.md explains each of them to a person.
"""

from dataclasses import dataclass

import psycopg

from fleetsave.model.errors import CaptureError, RestoreError
from fleetsave.postgres import lacks
from fleetsave.postgres.login import Login
from fleetsave.postgres.restoring import last_words
from fleetsave.sources.postgres import refusals

_SHOWN = 600


@dataclass(frozen=True)
class Refusal:
    """What a person should do, and whether it may pass by itself."""

    hint: str
    retryable: bool = False


RESTORE_REFUSALS = {
    "login_refused": Refusal(
        "Store the username and password of the account for restoring in its secret (postgresql/restore-...)."
    ),
    "not_trusted": Refusal("Give host and ca_certificate in the fleet file as the server's certificate has them."),
    "tls_refused": Refusal("Let the server speak TLS (ssl = on, hostssl in pg_hba.conf), or settle for less with sslmode."),
    "unreachable": Refusal("Check host and port, that PostgreSQL runs, and that the firewall lets us in.", retryable=True),
    "connection_lost": Refusal(
        "It is tried again; if that goes on, look at the server's log and at the network.", retryable=True
    ),
    "too_many_connections": Refusal("Free connections of the server: an account for restoring needs three.", retryable=True),
    "database_gone": Refusal(
        "Look who renamed or dropped it, and recover again: to where nothing is, it is restored all the same."
    ),
    "no_maintenance_database": Refusal(
        "Name a database that the account for restoring may connect to in postgresql.recovery.maintenance_database."
    ),
    "connections_refused": Refusal(
        "Somebody has closed the database: ALTER DATABASE ... ALLOW_CONNECTIONS true, and recover again."
    ),
    "server_too_new": Refusal("Update fleetsave: the layer with PostgreSQL's programs must be as new as the server."),
    "read_only_server": Refusal("It is a standby, or made read-only: give the primary's host in the fleet file."),
    "missing_rights": Refusal(
        "Let the account for restoring be a superuser, or give it CREATEDB, pg_signal_backend and the roles of the owners."
    ),
    "superuser_connected": Refusal(
        "Only a superuser may end a superuser's session: end it, or let the account for restoring be one.",
        retryable=True,
    ),
    "missing_roles": Refusal("Make the roles that the database needs, then recover again."),
    "missing_extensions": Refusal("Install the extensions on the server, then recover again."),
    "missing_tablespaces": Refusal("Make the tablespaces on the server, then recover again."),
    "lacking": Refusal("Install on the server what the backup needs, then recover again."),
    "target_exists": Refusal("Nothing is ever overwritten: choose a name that is new on the server."),
    "name_taken": Refusal("Somebody else's database has a name that this recovery needs: look what it is, and rename it."),
    "prepared_transactions": Refusal(
        "COMMIT PREPARED or ROLLBACK PREPARED what pg_prepared_xacts lists for it: until then no database can be renamed."
    ),
    "still_connected": Refusal(
        "Sessions that do not end, when asked to, hold the database: pg_stat_activity names them; the database is as it was.",
        retryable=True,
    ),
    "locked": Refusal("Somebody holds a lock for long: look at pg_locks. The database is as it was.", retryable=True),
    "scratch_full": Refusal("Raise the parameter RecoverStorage of the stack (up to 10240 MiB), or restore by hand."),
    "too_large_for_one_function": Refusal(
        "It does not fit a function's 15 minutes: restore it by hand, after docs/runbook-recovery.md#without-fleetsave."
    ),
    "disk_full": Refusal("Make room on the server's disk, then recover again; the database is as it was."),
    "altered_copy": Refusal("What arrived is not the backup; it is read again.", retryable=True),
    "no_copy": Refusal("The new database is gone or not whole; it is restored again.", retryable=True),
    "busy": Refusal("Another run of this recovery is at work on the server; this one tries again later.", retryable=True),
    "before_lost": Refusal("Somebody has renamed or dropped the database that was kept: `undo`, or recover the safety backup."),
    "check_failed": Refusal("Write one SELECT that may be run on the restored database, and that gives a row."),
    "server_damaged": Refusal(
        "The server reports damaged files: look at its log and its disk. Restore to another server by hand."
    ),
    "restore_failed": Refusal("Look at the cause and at the server's log; the database is as it was. Another backup may do."),
    "failed": Refusal("Look at the server's log at this time."),
}
"""Every reason that a recovery of a PostgreSQL database can end for, but for those that every kind has."""

_BY_STATE = {
    "28000": "login_refused", "28P01": "login_refused", "3D000": "database_gone", "42P04": "target_exists",
    "42501": "missing_rights", "53100": "disk_full", "53300": "too_many_connections", "55P03": "locked",
    "55006": "still_connected", "57014": "too_large_for_one_function", "57P01": "connection_lost", "57P02": "connection_lost",
    "57P03": "unreachable", "25006": "read_only_server",
}  # fmt: skip
_DAMAGE = ("XX", "58")
"""Classes of SQLSTATE that say that the server's own files are not what they should be."""

_SAID = (
    ("missing_rights", ("permission denied", "must be superuser", "must be owner", "must be member", "must be able to SET")),
    ("locked", ("lock timeout",)),
    (
        "connection_lost",
        ("terminating connection", "server closed the connection", "connection to server was lost", "SSL SYSCALL"),
    ),
)


def restore_refusal(target: str, reason: str, cause: str, *, hint: str | None = None) -> RestoreError:
    """Return the error for a reason; `hint` where there is more to say than the usual."""
    known = RESTORE_REFUSALS[reason]
    shown = " ".join(cause.split())
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    return RestoreError("restore", target, shown, hint or known.hint, reason=reason, retryable=known.retryable)


def of_database_error(login: Login, target: str, error: psycopg.Error) -> RestoreError:
    """Return the error for what the server answered; no word of it is the password."""
    return restore_refusal(target, reason_of(error), login.redact(str(error)))


def reason_of(error: psycopg.Error) -> str:
    """Return the word for what the server answered."""
    state = error.sqlstate
    if state is None or state.startswith("08"):
        return "connection_lost"
    if is_damage(error):
        return "server_damaged"
    return _BY_STATE.get(state, "failed")


def is_damage(error: psycopg.Error) -> bool:
    """Tell whether the server says that its own files are not what they should be."""
    return (error.sqlstate or "").startswith(_DAMAGE)


def of_program(login: Login, target: str, words: str) -> RestoreError:
    """Return the error for what psql or pg_restore said when it failed."""
    said = login.redact(last_words(words))
    if lacks.is_disk_full(words):
        return restore_refusal(target, "disk_full", said)
    lack = lacks.classify(words)
    if lack is not None:
        return restore_refusal(target, "missing_extensions" if lack.what == "extension" else "lacking", f"{lack}: {said}")
    reason = next((reason for reason, known in _SAID if any(one in words for one in known)), "restore_failed")
    return restore_refusal(target, reason, said)


def of_login(target: str, error: CaptureError) -> RestoreError:
    """Return the error for a login that was refused, in the words of this side."""
    reason = "no_maintenance_database" if error.reason == "database_gone" else error.reason
    return restore_refusal(target, reason if reason in RESTORE_REFUSALS else "failed", error.cause)


def of_check(target: str, error: CaptureError) -> RestoreError:
    """Return the error for one of the owner's SQL checks that gives nothing to compare."""
    return restore_refusal(target, "check_failed", error.cause)


def of_connection(login: Login, target: str, error: psycopg.Error) -> RestoreError:
    """Return the error for a connection that was not let in; libpq gives words, and no SQLSTATE."""
    return of_login(target, refusals.unreachable(login, str(error)))
