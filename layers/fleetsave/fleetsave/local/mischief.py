"""Ruining a live game's database the way a bad release or a bad operator does: through SQLite, and with its consent.

The file stays sound, the game plays on, and what it holds is wrong: only a restore brings it back.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

_BUSY_SECONDS = 30.0


def damage(path: Path) -> str:
    """Take all money and the older half of the ledger in one transaction; return a sentence saying what was done.

    `check_game` then reports problems. The newest payment stays, so that the writer's `acknowledged` does not go down. Raise
    sqlite3.Error, with nothing done, if the database is not there, is no game's, or stays locked for 30 s.
    """
    uri = f"file:{quote(str(path))}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        (payments,) = connection.execute("SELECT count(*) FROM ledger").fetchone()
        robbed = connection.execute("UPDATE accounts SET balance = 0").rowcount
        burnt = connection.execute(
            "DELETE FROM ledger WHERE sequence IN (SELECT sequence FROM ledger ORDER BY sequence LIMIT ?)", (payments // 2,)
        ).rowcount
        connection.execute("COMMIT")
    return f"the balances of all {robbed} accounts were set to 0, and {burnt} of {payments} payments deleted from the ledger"
