"""A game server's database that is being written all the time, and the proof that a copy of it is whole.

Players pay one another: money is never made or lost, and every payment is one row of a gapless ledger that repeats both
resulting balances. A torn copy breaks one of the two, even where SQLite's own checks are content.

Run it as `python -m fleetsave.local.game --path PATH --journal-mode wal --rate 50`; SIGTERM ends it. The standard
library is all it needs.
"""

import argparse
import json
import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

OPENING_BALANCE = 1_000
_STATUS_SECONDS = 0.1
_BUSY_SECONDS = 30.0
_BLOCK = 1 << 20

_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ledger (
    sequence INTEGER PRIMARY KEY, payer INTEGER NOT NULL, payee INTEGER NOT NULL, amount INTEGER NOT NULL,
    payer_balance INTEGER NOT NULL, payee_balance INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS world (id INTEGER PRIMARY KEY, block BLOB NOT NULL);
"""


@dataclass(frozen=True)
class GameStatus:
    """What the writer says of itself: the newest committed payment, its longest wait for a write, and failed writes.

    `acknowledged` goes down when an older state of the database is restored under the writer: the payments after it are gone.
    """

    acknowledged: int
    longest_write_seconds: float
    busy_errors: int
    running: bool


def status_path(path: Path) -> Path:
    """Return where the writer of the database at `path` keeps its status."""
    return path.with_name(f"{path.name}.status.json")


def read_status(path: Path) -> GameStatus | None:
    """Return the writer's last status, at most a few tenths of a second old; None before the first."""
    try:
        return GameStatus(**json.loads(status_path(path).read_text()))
    except FileNotFoundError:
        return None


def create(path: Path, journal_mode: str, *, accounts: int = 200, world_megabytes: int = 0) -> None:
    """Make the database, or take up the one that is there; `world_megabytes` sets its least size."""
    with closing(_connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode={journal_mode}")
        connection.executescript(_SCHEMA)
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT OR IGNORE INTO accounts VALUES (?, ?)", [(number, OPENING_BALANCE) for number in range(accounts)]
        )
        filler = random.Random(len(path.name))  # noqa: S311 - filler, not a secret
        for number in range(world_megabytes):
            connection.execute("INSERT OR IGNORE INTO world VALUES (?, ?)", (number, filler.randbytes(_BLOCK)))
        connection.execute("COMMIT")


class Game:
    """The writer: one payment after the other, until it is told to stop."""

    def __init__(self, path: Path, rate: float) -> None:
        self._path = path
        self._pause = 1 / rate if rate else 0.0
        self._stopping = False
        self._acknowledged = 0
        self._longest = 0.0
        self._busy = 0

    def stop(self) -> None:
        """End after the payment under way."""
        self._stopping = True

    def play(self) -> None:
        """Make payments at the given rate (0: as fast as the disk allows) and report about ten times a second."""
        with closing(_connect(self._path)) as connection:
            (self._acknowledged,) = connection.execute("SELECT coalesce(max(sequence), 0) FROM ledger").fetchone()
            reported = 0.0
            while not self._stopping:
                started = time.monotonic()
                self._pay(connection)
                now = time.monotonic()
                self._longest = max(self._longest, now - started)
                if now - reported >= _STATUS_SECONDS:
                    self._report(running=True)
                    reported = now
                if self._pause > now - started:
                    time.sleep(self._pause - (now - started))
        self._report(running=False)

    def _pay(self, connection: sqlite3.Connection) -> None:
        """Make one payment. Number and accounts come from inside the transaction: the database may be restored at any time."""
        try:
            connection.execute("BEGIN IMMEDIATE")
            (sequence,) = connection.execute("SELECT coalesce(max(sequence), 0) FROM ledger").fetchone()
            players = connection.execute("SELECT id, balance FROM accounts ORDER BY random() LIMIT 2").fetchall()
            if len(players) == 2:
                sequence += 1
                self._transfer(connection, sequence, players)
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            self._busy += 1
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return
        self._acknowledged = sequence

    @staticmethod
    def _transfer(connection: sqlite3.Connection, sequence: int, players: list[tuple[int, int]]) -> None:
        (payer, held), (payee, _) = players
        amount = random.randint(0, max(held, 0))  # noqa: S311 - a game
        for account, change in ((payer, -amount), (payee, amount)):
            connection.execute("UPDATE accounts SET balance = balance + ? WHERE id = ?", (change, account))
        connection.execute(
            "INSERT INTO ledger SELECT ?, ?, ?, ?,"
            " (SELECT balance FROM accounts WHERE id = ?), (SELECT balance FROM accounts WHERE id = ?)",
            (sequence, payer, payee, amount, payer, payee),
        )

    def _report(self, *, running: bool) -> None:
        target = status_path(self._path)
        aside = target.with_name(f"{target.name}.new")
        aside.write_text(json.dumps(asdict(GameStatus(self._acknowledged, self._longest, self._busy, running))))
        aside.replace(target)


def check_game(path: Path, *, at_least: int = 0) -> list[str]:
    """Return what is wrong with a copy of a game's database; nothing means that it is whole.

    `at_least` is the payment acknowledged before the copy was begun: a copy that ends before it has lost writes.
    """
    uri = f"file:{quote(str(path))}?mode=rw"
    try:
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            return list(_problems(connection, at_least))
    except sqlite3.Error as error:
        return [f"{type(error).__name__}: {error}"]


def last_payment(path: Path) -> int:
    """Return the newest payment of a copy, 0 if there is none. Raise sqlite3.Error if it cannot be read."""
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True)) as connection:
        (sequence,) = connection.execute("SELECT coalesce(max(sequence), 0) FROM ledger").fetchone()
        return int(sequence)


def _problems(connection: sqlite3.Connection, at_least: int) -> Iterator[str]:
    connection.execute("BEGIN")
    found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    if found != ["ok"]:
        yield f"integrity_check: {'; '.join(found)[:200]}"
    balances = dict(connection.execute("SELECT id, balance FROM accounts"))
    if sum(balances.values()) != OPENING_BALANCE * len(balances) or not balances:
        yield f"{len(balances)} accounts hold {sum(balances.values())}, not {OPENING_BALANCE * len(balances)}"
    recomputed = dict.fromkeys(balances, OPENING_BALANCE)
    expected = 0
    for sequence, payer, payee, amount, payer_balance, payee_balance in connection.execute(
        "SELECT sequence, payer, payee, amount, payer_balance, payee_balance FROM ledger ORDER BY sequence"
    ):
        expected += 1
        if sequence != expected:
            yield f"the ledger goes from {expected - 1} to {sequence}"
            return
        recomputed[payer] = recomputed.get(payer, 0) - amount
        recomputed[payee] = recomputed.get(payee, 0) + amount
        if (recomputed[payer], recomputed[payee]) != (payer_balance, payee_balance):
            yield f"payment {sequence} does not follow from those before it"
            return
    if recomputed != balances:
        yield "the balances are not those of the ledger"
    if expected < at_least:
        yield f"payments {expected + 1} to {at_least} were acknowledged and are missing"


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)


def main() -> None:
    """Make the database if need be, and write it until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="Write a game server's SQLite database without end.")
    parser.add_argument("--path", type=Path, required=True, help="the database; made if it is not there")
    parser.add_argument("--journal-mode", choices=["wal", "delete"], default="wal")
    parser.add_argument("--rate", type=float, default=0, help="payments a second; 0: as fast as the disk allows")
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--world-megabytes", type=int, default=0, help="least size of the database")
    options = parser.parse_args()
    game = Game(options.path, options.rate)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: game.stop())
    create(options.path, options.journal_mode, accounts=options.accounts, world_megabytes=options.world_megabytes)
    game.play()


if __name__ == "__main__":
    main()
