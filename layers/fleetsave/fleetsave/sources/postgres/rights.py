"""What the account for restoring may do on the server, asked before anything is touched."""

from collections.abc import Iterator

from fleetsave.sources.postgres.facts import Connection
from fleetsave.sources.postgres.recovery_context import Context
from fleetsave.sources.postgres.restore_refusals import restore_refusal
from fleetsave.sources.postgres.standing import Found

_RIGHTS = """
SELECT current_user, rolsuper, rolcreatedb, pg_has_role('pg_signal_backend', 'USAGE'),
       coalesce((SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = %(live)s), true),
       coalesce((SELECT pg_has_role(oid, 'USAGE') FROM pg_roles WHERE rolname = %(owner)s), true),
       (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %(live)s)
FROM pg_roles WHERE rolname = current_user"""

_SUPERUSERS = """
SELECT count(*) FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
WHERE a.datname = %s AND r.rolsuper AND backend_type = 'client backend'"""


def require_rights(context: Context, connection: Connection, live: Found | None) -> Iterator[str]:
    """Yield what should be minded. Raise RestoreError, `missing_rights`, naming all that is missing. Raise psycopg.Error."""
    wanted = {"live": context.names.live, "owner": context.dump.database.owner}
    row = connection.execute(_RIGHTS, wanted).fetchone()
    if row is None:
        raise LookupError("the server does not know who we are")
    user, is_superuser, may_create, may_signal, has_live, has_owner, live_owner = row
    if is_superuser:
        return
    missing = [
        what
        for what, there in (
            (f"ALTER ROLE {user} CREATEDB", may_create),
            (f"GRANT pg_signal_backend TO {user}", may_signal or live is None),
            (f"GRANT {live_owner} TO {user}", has_live),
            (f"GRANT {context.dump.database.owner} TO {user}", has_owner),
        )
        if not there
    ]
    if missing:
        raise restore_refusal(context.target, "missing_rights", f"{user} is no superuser, and lacks: {'; '.join(missing)}")
    yield f"{user} is no superuser: it may not be able to make every extension, or to give away what others own"
    row = connection.execute(_SUPERUSERS, (context.names.live,)).fetchone()
    if row is not None and row[0]:
        yield f"{row[0]} sessions of superusers are connected, which {user} may not end"
