"""The published figures for the memory of a dump and of its proof: a small database beside one of a gigabyte."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleetsave.local.postgres_tools import ensure_postgres_layer
from fleetsave.model.keys import RecordName
from tests.fixtures import verify_process
from tests.fixtures.dumping import DATABASE, Dumping, new_dumping
from tests.fixtures.memory import MemoryWatch
from tests.soak.figures import record

SMALL, LARGE = 3, int(os.environ.get("FLEETSAVE_SOAK_SCALE", "68"))
"""pgbench's scales: about 45 MB and 1 GB."""

LARGEST_DUMP, LARGEST_DIFFERENCE = 250_000_000, 60_000_000
LARGEST_PROOF = 1_700_000_000
"""What verify's function has, with room to spare."""

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


@dataclass(frozen=True)
class Peaks:
    """Bytes of memory and seconds of one dump and its proof."""

    dump: int
    dump_seconds: float
    proof: int
    proof_python: int
    proof_seconds: float
    database: int
    text: int


def test_memory_of_dump_and_proof(tmp_path: Path) -> None:
    with new_dumping(tmp_path) as dumping, tempfile.TemporaryDirectory() as scratch:
        Path(scratch).chmod(0o711)  # the throwaway server runs as nobody where we are root
        small, large = peaks(dumping, SMALL, scratch), peaks(dumping, LARGE, scratch)
    record(
        "memory of a dump and its proof",
        small_database_bytes=small.database,
        large_database_bytes=large.database,
        large_text_bytes=large.text,
        dump_peak_megabytes_small=round(small.dump / 1e6, 1),
        dump_peak_megabytes_large=round(large.dump / 1e6, 1),
        dump_seconds_large=round(large.dump_seconds, 1),
        proof_peak_megabytes_small=round(small.proof / 1e6, 1),
        proof_peak_megabytes_large=round(large.proof / 1e6, 1),
        proof_peak_megabytes_large_without_postgresql=round(large.proof_python / 1e6, 1),
        proof_seconds_large=round(large.proof_seconds, 1),
    )
    assert max(small.dump, large.dump) < LARGEST_DUMP
    assert abs(large.dump - small.dump) < LARGEST_DIFFERENCE
    assert large.proof < LARGEST_PROOF


def peaks(dumping: Dumping, scale: int, scratch: str) -> Peaks:
    """Dump and verify pgbench's database of a scale, each in a process of its own."""
    dumping.bench(scale)
    job = dumping.next_job()
    with MemoryWatch("tests.fixtures.collect_process") as dump:
        report = dumping.run(job)
    assert report is not None
    stored = dumping.catalog.stored(dumping.key_of(job))
    pair = dumping.seaweedfs.credentials()
    config = verify_process.Config(
        dumping.seaweedfs.endpoint, pair.access_key_id, pair.secret_access_key, dumping.bucket, stored.key,
        scratch, str(ensure_postgres_layer()),
    )  # fmt: skip
    with MemoryWatch("tests.fixtures.verify_process") as proof:
        judged = verify_process.run(config, dumping.folder)
    assert judged.verdict == RecordName.VERIFIED, dumping.catalog.backups()
    size = int(dumping.server.psql(f"SELECT pg_database_size('{DATABASE}')"))
    return Peaks(
        dump.peak, report.seconds, proof.peak, proof.peak_of_python, judged.seconds, size, stored.dump.text.size
    )  # fmt: skip
