"""The published figures of dumps: taken under load and verified, and broken off in every way at random moments."""

import os
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleetsave.local.postgres_load import PgbenchLoad
from fleetsave.local.postgres_tools import ensure_postgres_layer
from fleetsave.model.errors import CaptureError
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.records import StoredRecord
from fleetsave.postgres.programs import Programs
from fleetsave.verify.outcome import Judged
from fleetsave.verify.ports import Ports
from fleetsave.verify.room import verify
from tests.fakes.job_queue import RecordingQueue
from tests.fixtures.dump_faults import (
    Trial,
    crash_server,
    dump_through_a_cut,
    dump_while,
    dump_without_room,
    full_disk,
    kill_pg_dump,
    left_running,
    terminate_backend,
)
from tests.fixtures.dumping import Dumping, new_dumping
from tests.soak.figures import record

DUMPS = int(os.environ.get("FLEETSAVE_SOAK_RUNS", "20"))
FAULTS = int(os.environ.get("FLEETSAVE_SOAK_FAULTS", "50"))
ROWS = 400_000

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


@pytest.fixture
def dumping(tmp_path: Path) -> Iterator[Dumping]:
    with new_dumping(tmp_path) as dumping:
        yield dumping


def verdict_on(dumping: Dumping, stored: StoredRecord, programs: Programs) -> RecordName:
    """Verify one dump as the function does."""
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o711)  # the throwaway server runs as nobody where we are root
        ports = Ports(
            store=dumping.store, catalog=dumping.catalog, queue=RecordingQueue(), scratch=Path(scratch),
            now=dumping.ports().now, seconds_left=lambda: 600.0, programs=programs,
        )  # fmt: skip
        outcome = verify(BackupKey.parse(stored.key), ports)
    assert isinstance(outcome, Judged)
    return outcome.verdict


@pytest.mark.parametrize("dump_format", ["plain", "custom"])
def test_dumps_under_load_have_the_rows_of_their_snapshot_and_are_verified(dumping: Dumping, dump_format: str) -> None:
    dumping.bench(5)
    dumping.database = {"format": dump_format}
    dumping.put_fleet()
    verdicts: Counter[RecordName] = Counter()
    equal, grown = 0, [0]
    with PgbenchLoad(dumping.server, "game") as load:
        before = load.transactions
        for _ in range(DUMPS):
            stored = dumping.dump()
            fingerprint = stored.dump.fingerprint
            assert fingerprint is not None
            equal += all(stored.dump.text.blocks[table].rows == rows for table, rows in fingerprint.row_counts.items())
            grown.append(fingerprint.row_counts["public.pgbench_history"])
            verdicts[verdict_on(dumping, stored, Programs(ensure_postgres_layer()))] += 1
        written = load.transactions - before
        assert load.is_running
    record(
        "dumps under pgbench",
        dumps=DUMPS,
        format=dump_format,
        counts_equal=equal,
        verified=verdicts[RecordName.VERIFIED],
        transactions_written=written,
        each_dump_later_than_the_one_before=grown == sorted(set(grown)),
    )
    assert (equal, verdicts) == (DUMPS, {RecordName.VERIFIED: DUMPS})


def test_dumps_broken_off_at_random_moments_leave_nothing(dumping: Dumping) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    dumping.fill(ROWS)
    seconds, size = _undisturbed(dumping)
    faults: dict[str, Callable[[], Trial]] = {
        "pg_dump killed": lambda: dump_while(dumping, kill_pg_dump, chance.uniform(0, seconds)),
        "backend terminated": lambda: dump_while(dumping, terminate_backend, chance.uniform(0, seconds)),
        "server crashed": lambda: _crash(dumping, chance.uniform(0, seconds)),
        "network cut": lambda: dump_through_a_cut(dumping, chance.randrange(size)),
        "disk full": lambda: _without_room(dumping),
    }
    struck: Counter[str] = Counter()
    appeared = uploads = running = 0
    problems: list[str] = []
    while sum(struck.values()) < FAULTS:
        name = min(faults, key=lambda one: struck[one])
        before = dumping.data()
        trial = faults[name]()
        if trial.error is None:
            continue  # it was over before; another moment takes its place
        struck[name] += 1
        appeared += len(dumping.data() - before)
        uploads += dumping.open_uploads()
        running += left_running(dumping)
        if not isinstance(trial.error, CaptureError):
            problems.append(f"{name}: {trial.error}")
    record(
        "dumps broken off",
        seed=seed,
        faults=dict(struck),
        objects_appeared=appeared,
        open_uploads=uploads,
        programs_left_running=running,
        errors_without_a_reason=len(problems),
    )
    assert problems == []
    assert (appeared, uploads, running) == (0, 0, 0)


def _undisturbed(dumping: Dumping) -> tuple[float, int]:
    report = dumping.dump().dump
    return report.seconds, report.size


def _crash(dumping: Dumping, after: float) -> Trial:
    trial = dump_while(dumping, crash_server, after)
    dumping.server.restart()
    return trial


def _without_room(dumping: Dumping) -> Trial:
    with full_disk(dumping):
        return dump_without_room(dumping)
