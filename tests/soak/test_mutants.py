"""The published figure for mutants: plain copies of a busy database, made to pass for captures, all refused by verify.

Each gets the fingerprint of a real capture taken right before it, and a record whose digests are its own. Some are torn: money
made or lost, or not a database any more. The rest are a whole database, but of another moment than the fingerprint. A copy
whose content is that of the capture is no mutant: it is counted apart, and another one takes its place.
"""

import os
import random
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, nullcontext, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.local.game import check_game, last_payment
from fleetsave.local.seaweedfs import SeaweedFS
from fleetsave.model.errors import RemoteFileError
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.records import Fingerprint, Outcome
from fleetsave.model.slots import Slot
from fleetsave.store.base import ObjectStore
from fleetsave.store.s3 import S3Store
from fleetsave.verify.outcome import Judged
from fleetsave.verify.ports import Ports
from fleetsave.verify.room import verify
from tests.fakes.job_queue import RecordingQueue
from tests.fakes.memory_store import MemoryStore
from tests.fixtures.captures import Capturing
from tests.fixtures.game import RunningGame, running_game
from tests.fixtures.stored_backups import NOON, NOW, judged, store_object
from tests.fixtures.stores import BUCKET
from tests.soak.figures import record

MUTANTS = max(1, int(os.environ.get("FLEETSAVE_SOAK_RUNS", "100")) // 2)
ON_A_REAL_STORE = 5
CHECKS = {"money": "SELECT sum(balance) FROM accounts"}

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
@pytest.mark.parametrize("suffixes", [("",), ("", "-wal", "-journal")], ids=["alone", "with its journal"])
def test_no_mutant_is_accepted(
    capturing: Capturing, tmp_path: Path, seaweedfs_server: SeaweedFS, journal_mode: str, suffixes: Sequence[str]
) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    real_store = S3Store(seaweedfs_server.client(), BUCKET, conditional_writes=False)
    tally: Counter[str] = Counter()
    caught_by: Counter[str] = Counter()
    with running_game(tmp_path / "a game.db", journal_mode=journal_mode, world_megabytes=4) as game:
        while tally["trials"] < MUTANTS:
            capture = capturing.take(game.path, checks=CHECKS)
            fingerprint = capture.report.fingerprint
            assert fingerprint is not None
            payments = last_payment(capture.path)
            wait_for_payments(game, payments, chance)
            mutant = copy(capturing, game, suffixes, tmp_path)
            capture.path.unlink()
            problems = check_game(mutant)
            if not problems and last_payment(mutant) == payments:
                tally["identical"] += 1
                continue
            tally["torn"] += bool(problems)
            store = real_store if tally["trials"] < ON_A_REAL_STORE else MemoryStore(minimum_part_size=1)
            outcome = judge(store, mutant.read_bytes(), fingerprint, tmp_path, tally["trials"])
            tally["trials"] += 1
            tally["accepted"] += outcome.verdict is not RecordName.REJECTED
            tally["integrity_check"] += passes_integrity_check(mutant)
            caught_by[next((finding.check for finding in outcome.record.findings if finding.outcome is Outcome.FAILED), "")] += 1
        capture = capturing.take(game.path, checks=CHECKS)
        faithful = judge(MemoryStore(minimum_part_size=1), capture.path.read_bytes(), capture.report.fingerprint, tmp_path, 0)
    record(
        "mutant captures",
        seed=seed,
        journal_mode=journal_mode,
        files=[f".db{suffix}" for suffix in suffixes],
        trials=tally["trials"],
        torn=tally["torn"],
        accepted=tally["accepted"],
        integrity_check_alone_would_have_accepted=tally["integrity_check"],
        caught_first_by=dict(caught_by),
        copies_equal_to_the_capture_and_not_counted=tally["identical"],
    )
    assert faithful.verdict is RecordName.VERIFIED, "a faithful capture must pass, else the trials prove nothing"
    assert (tally["trials"], tally["accepted"]) == (MUTANTS, 0)


def wait_for_payments(game: RunningGame, captured: int, chance: random.Random) -> None:
    """Wait until the writer is some payments further than the capture; a file nobody writes to would be a good copy."""
    wanted = captured + chance.randint(1, 60)
    game.process.wait_until(lambda: game.acknowledged >= wanted, timeout=60)


def copy(capturing: Capturing, game: RunningGame, suffixes: Sequence[str], folder: Path) -> Path:
    """Copy the live files over SSH, one after the other, and let SQLite make one file of them."""
    target = folder / "mutant.db"
    for suffix in ("", "-wal", "-shm", "-journal"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    for suffix in suffixes:
        path = f"{game.path}{suffix}"
        # A journal comes and goes: what is gone by the time it is read is not in the copy.
        with suppress(RemoteFileError) if suffix else nullcontext():
            size = capturing.transport.stat(path).size
            content = b"".join(capturing.transport.read_file(path, offset=0, length=size))
            target.with_name(target.name + suffix).write_bytes(content)
    if len(suffixes) > 1:
        settle(target)
    return target


def settle(target: Path) -> None:
    """Let SQLite take the journal in, as whoever restores such a copy would; the main file alone is what is left."""
    try:
        with closing(sqlite3.connect(target)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE").fetchall()
            connection.execute("SELECT count(*) FROM ledger").fetchall()
    except sqlite3.DatabaseError:
        pass  # so torn that SQLite itself gives up; the main file is as bad
    for suffix in ("-wal", "-shm", "-journal"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)


def judge(store: ObjectStore, plain: bytes, fingerprint: Fingerprint | None, scratch: Path, number: int) -> Judged:
    """Store bytes as the backup they claim to be, and return what verify says."""
    artifact = ArtifactId("mutants", Kind.DATABASE, f"copy-{os.urandom(8).hex()}")
    key = BackupKey(artifact, Slot(NOON.at + timedelta(hours=number)), Compression.ZSTD)
    catalog = Catalog(store)
    catalog.append(key, RecordName.STORED, store_object(store, key, plain, fingerprint))
    return judged(verify(key, Ports(store, catalog, RecordingQueue(), scratch, lambda: NOW, lambda: 60)))


def passes_integrity_check(path: Path) -> bool:
    """Tell whether SQLite's own check is content with a copy."""
    try:
        with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as connection:
            return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    except sqlite3.Error:
        return False
