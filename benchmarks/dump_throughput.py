"""How much longer a stored dump takes than `pg_dump > /dev/null`: `.venv/bin/python -m benchmarks.dump_throughput`.

Both dump the same database over the same verified TLS, in turn, so that a machine's moods meet both. Ours counts every row
first, hashes each table's data, compresses, and uploads to a real S3 server on the same machine, whose work counts too.
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from fleetsave.model.kinds import DumpFormat
from fleetsave.postgres.dumping import dump_command, new_restrict_key
from fleetsave.postgres.login import Login
from tests.fixtures.dumping import DATABASE, Dumping, new_dumping

COLLECTED: dict[str, dict[str, str]] = {
    "stored as zstd": {},
    "stored as it is": {"compression": "none"},
    "stored as archive": {"format": "custom"},
}


def bare(dumping: Dumping, login: Login, dump_format: DumpFormat) -> float:
    """Run pg_dump alone and return its seconds."""
    command = dump_command(dumping.programs, login.child_database, dump_format, new_restrict_key())
    with login.for_child() as (variables, descriptors):
        started = time.monotonic()
        subprocess.run(
            command, env=dumping.programs.environment(variables), pass_fds=descriptors, stdout=subprocess.DEVNULL, check=True
        )
    return time.monotonic() - started


def collected(dumping: Dumping, database: dict[str, str]) -> float:
    """Dump into the store as collect does, in a process of its own, and return the seconds of the run."""
    dumping.database = dict(database)
    dumping.put_fleet()
    report = dumping.run(dumping.next_job())
    assert report is not None
    return report.seconds


def measure(dumping: Dumping, rounds: int) -> None:
    """Print each way's seconds, in rounds, and its ratio to its peer."""
    login = Login(
        "localhost", dumping.server.port, dumping.role.user, dumping.role.password, DATABASE,
        ca_certificate=dumping.server.ca_certificate,
    )  # fmt: skip
    ways: dict[str, Callable[[], float]] = {
        "pg_dump > /dev/null": lambda: bare(dumping, login, DumpFormat.PLAIN),
        "pg_dump -Fc > /dev/null": lambda: bare(dumping, login, DumpFormat.CUSTOM),
        **{name: partial(collected, dumping, given) for name, given in COLLECTED.items()},
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            seconds[name].append(way())
    for name, taken in seconds.items():
        peer = seconds["pg_dump -Fc > /dev/null" if "archive" in name or "-Fc" in name else "pg_dump > /dev/null"]
        ratio = statistics.median(one / other for one, other in zip(taken, peer, strict=True))
        spread = f"{min(taken):6.2f} {statistics.median(taken):6.2f} {max(taken):6.2f} s"
        print(f"{name:26} min/median/max {spread}   {ratio:.2f} times its peer")


def main() -> None:
    """Measure a database of about a gigabyte, or of what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=int, default=60, help="pgbench's; 60 is about 0.9 GB")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fleetsave-benchmark-") as folder:
        Path(folder).chmod(0o755)  # the server runs as another user
        with new_dumping(Path(folder)) as dumping:
            dumping.bench(options.scale)
            print(
                f"pgbench scale {options.scale}: {dumping.server.psql(f'SELECT pg_size_pretty(pg_database_size({DATABASE!r}))')}"
            )
            measure(dumping, options.rounds)


if __name__ == "__main__":
    main()
