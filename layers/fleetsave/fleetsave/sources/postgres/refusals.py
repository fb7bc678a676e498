"""Why a dump could not be taken: the words of PostgreSQL and its programs, as errors that say what to do.

| reason | what it means |
|---|---|
| `login_refused` | wrong password, unknown role, or the role must not log in from here |
| `not_trusted` | the server's certificate is not by a known authority, or not for this name |
| `tls_refused` | the server does not speak TLS, or asks for it |
| `server_too_new`, `server_too_old` | the layer's programs do not read this version |
| `database_gone` | no database of that name |
| `missing_rights` | the role may not read everything; half a dump is none |
| `row_security` | row-level security would hide rows from the role |
| `locked` | a table was locked for longer than `lock_timeout` |
| `unreachable`, `connection_lost` | the network, or the server, went away |
| `disk_full` | the server has no room for what it sorts or logs |
| `too_slow` | the dump does not fit its deadline, or a function's time |
| `incomplete` | pg_dump ended well, and its text has no end |
| `check_failed` | one of the owner's SQL checks is no SELECT, or fails |
| `failed` | anything else; the cause has pg_dump's last words |
"""

from dataclasses import dataclass

from fleetsave.model.errors import CaptureError
from fleetsave.postgres.login import Login

_SHOWN = 600
"""Characters of a program's last words that a record keeps."""


@dataclass(frozen=True)
class _Rule:
    reason: str
    words: tuple[str, ...]
    hint: str
    retryable: bool = False


_RULES = (
    _Rule("not_trusted", ("certificate verify failed", "root certificate file"),
          "Put the PEM of the authority that signed the server's certificate into ca_certificate of the fleet file."),
    _Rule("not_trusted", ("does not match host name",),
          "Give `host` in the fleet file as the certificate has it, or let the server have a certificate for this name."),
    _Rule("tls_refused", ("server does not support SSL", "SSL connection is required", "no encryption"),
          "Let the server speak TLS (ssl = on, hostssl in pg_hba.conf), or settle for less with sslmode."),
    _Rule("login_refused", ("password authentication failed", "no password supplied", "no pg_hba.conf entry",
                            "PAM authentication", "is not permitted to log in", "fe_sendauth"),
          "Store the role's current username and password in the secret, and let pg_hba.conf admit it from here."),
    _Rule("login_refused", ("role \"", "does not exist", "FATAL"),
          "Create the role (docs/postgresql.md has the statements), or store another username in the secret."),
    _Rule("server_too_new", ("server version mismatch",),
          "Update fleetsave: the layer with PostgreSQL's programs must be as new as the server."),
    _Rule("row_security", ("row-level security",),
          "ALTER ROLE ... BYPASSRLS for the backup role: rows it cannot see would be missing from the backup."),
    _Rule("missing_rights", ("permission denied for large object",),
          "GRANT pg_read_all_data does not cover large objects: let the backup role own them, or be a superuser."),
    _Rule("missing_rights", ("permission denied", "must be superuser", "must be owner"),
          "GRANT pg_read_all_data TO the backup role, and USAGE where a schema was created since."),
    _Rule("locked", ("lock timeout", "could not obtain lock"),
          "Somebody holds a lock for long: look at pg_locks; raise lock_timeout in the fleet file if that is usual.",
          retryable=True),
    _Rule("disk_full", ("No space left on device", "could not extend file", "disk full"),
          "Make room on the server's disk.", retryable=True),
    _Rule("connection_lost",
          ("terminating connection", "server closed the connection", "SSL SYSCALL", "invalid snapshot identifier",
           "connection to server was lost", "Connection reset", "could not receive data", "could not send data",
           "connection not open", "unexpected eof", "Connection timed out", "conflict with recovery",
           "consuming input failed", "SSL error"),
          "It is tried again; if that goes on, look at the server's log and at the network.", retryable=True),
    _Rule("unreachable",
          ("Connection refused", "timeout expired", "failed to resolve host", "could not translate host name",
           "No route to host", "Network is unreachable", "starting up", "shutting down", "in recovery mode",
           "too many clients", "remaining connection slots", "connection failed", "is the server running"),
          "Check host and port, that PostgreSQL runs, and that the firewall lets us in.", retryable=True),
)  # fmt: skip


def refusal(login: Login, operation: str, words: str) -> CaptureError:
    """Return the error for what PostgreSQL or one of its programs said; no word of it is the password."""
    said = " ".join(login.redact(words).split()) or "it said nothing"
    if 'database "' in said and "does not exist" in said and "FATAL" in said:
        return _error(operation, login, said, "database_gone", "Check `database` in the fleet file; was it renamed or dropped?")
    for rule in _RULES:
        matches = all if rule.words[-1] == "FATAL" else any
        if matches(word in said for word in rule.words):
            return _error(operation, login, said, rule.reason, rule.hint, retryable=rule.retryable)
    return _error(operation, login, said, "failed", "Look at the server's log at this time.", retryable=True)


def unreachable(login: Login, words: str) -> CaptureError:
    """Return the error for a login that failed."""
    return refusal(login, "log in to", words)


def too_slow(login: Login, seconds: float, size: int) -> CaptureError:
    """Return the error for a dump that was not over in time, `size` bytes into it."""
    return _error(
        "dump", login, f"it was not over within {seconds:.0f} s, {size} bytes into it", "too_slow",
        "One function must do it within its 15 minutes: raise `deadline` if it is shorter, use format: custom, move old data "
        "into a database of its own, or dump this one from a machine of your own (`pg_dump`).",
    )  # fmt: skip


def incomplete(login: Login, cause: str) -> CaptureError:
    """Return the error for a dump that is not whole though pg_dump did not complain."""
    return _error("dump", login, cause, "incomplete", "It is dumped again; nothing of it was kept.", retryable=True)


def wrong_version(login: Login, version: str, *, too_new: bool) -> CaptureError:
    """Return the error for a server that the layer's programs do not read, or that nobody has tried them on."""
    if too_new:
        hint = "Update fleetsave: the layer with PostgreSQL's programs must be as new as the server."
        return _error("dump", login, f"server version {version} is newer than the layer's programs", "server_too_new", hint)
    hint = "Update the server: versions before 14 are no longer maintained, and fleetsave has not been tried on them."
    return _error("dump", login, f"server version {version} is older than 14", "server_too_old", hint)


def check_failed(login: Login, name: str, cause: str) -> CaptureError:
    """Return the error for one of the owner's SQL checks that gives nothing to compare."""
    return _error(
        "run check", login, f"{name}: {' '.join(login.redact(cause).split())}", "check_failed",
        "Write one SELECT that the backup role may run, and that gives a row.",
    )  # fmt: skip


def _error(operation: str, login: Login, cause: str, reason: str, hint: str, *, retryable: bool = False) -> CaptureError:
    shown = cause if len(cause) <= _SHOWN else f"... {cause[-_SHOWN:]}"
    return CaptureError(operation, login.target, shown, hint, reason=reason, retryable=retryable)
