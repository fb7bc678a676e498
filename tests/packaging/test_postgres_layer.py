"""The built layer of PostgreSQL's programs runs where there is next to nothing, on both processors, and restores its dumps."""

import os
import shlex
import struct
import tarfile
from pathlib import Path

import pytest

from layers.postgres import assemble
from tests.packaging.builds import FOR_AWS, FOR_THIS_PYTHON, Flavour, built
from tests.packaging.jail import Jail
from tests.packaging.test_build import MACHINES, size

BOTH = pytest.mark.parametrize("flavour", [FOR_AWS, FOR_THIS_PYTHON], ids=["for-aws", "for-this-python"])
IN_A_JAIL = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a root filesystem")

SETTINGS = (
    "listen_addresses=", "unix_socket_directories=/tmp", "dynamic_shared_memory_type=mmap", "io_method=sync", "fsync=off",
    "wal_level=minimal", "max_wal_senders=0", "autovacuum=off", "jit=off", "timezone=GMT", "log_timezone=GMT",
)  # fmt: skip

TABLE = """
CREATE TABLE players (id int PRIMARY KEY, name text COLLATE "C" UNIQUE, secret bytea, joined timestamptz DEFAULT now());
CREATE EXTENSION pgcrypto; CREATE EXTENSION hstore;
INSERT INTO players SELECT number, 'Zoë ' || number, digest(number::text, 'sha256') FROM generate_series(1, 500) AS number;
CREATE DATABASE again TEMPLATE template0;
"""

ROUND_TRIP = """
export LD_LIBRARY_PATH=/opt/postgresql/lib PGHOST=/tmp PGUSER=postgres PGDATABASE=postgres PGTZ=GMT LC_ALL=C
run() { program=$1; shift; RUNNER "/opt/postgresql/bin/$program" "$@"; }
psql() { run psql -X -q -w -A -t -v ON_ERROR_STOP=1 "$@"; }
RUNNER /opt/postgresql/bin/postgres -D /tmp/data SETTINGS < /dev/null > /tmp/log 2>&1 &
server=$!
while kill -0 $server && ! psql -c 'SELECT 1' > /dev/null 2>&1; do :; done
set -e
psql -c 'SELECT version()'
psql -o /dev/null -f -
run pg_dump --restrict-key=K -f /tmp/first.sql
psql -o /dev/null -1 -d again -f /tmp/first.sql
run pg_dump --restrict-key=K -d again -f /tmp/second.sql
run pg_dump --format=custom --compress=zstd:1 -d again -f /tmp/again.dump
run pg_restore --restrict-key=K -f /tmp/third.sql /tmp/again.dump
# pg_dumpall runs pg_dump through the shell, which knows nothing of an emulator.
[ -n "RUNNER" ] || run pg_dumpall --globals-only --no-role-passwords -f /tmp/globals.sql
psql -d again -c 'SELECT count(*), count(DISTINCT secret) FROM players'
kill -QUIT $server
wait $server
contents() { while IFS= read -r line; do echo "$line"; done < "$1"; }
[ "$(contents /tmp/first.sql)" = "$(contents /tmp/second.sql)" ] && echo "dumped again: identical"
[ "$(contents /tmp/first.sql)" = "$(contents /tmp/third.sql)" ] && echo "out of an archive: identical"
"""


def layer(flavour: Flavour) -> Path:
    return built(flavour) / "PostgresLayer"


def programs(flavour: Flavour) -> list[str]:
    return sorted(path.name for path in (layer(flavour) / "postgresql" / "bin").iterdir())


@BOTH
def test_the_layer_is_small_and_says_what_it_is(flavour: Flavour) -> None:
    assert [path.name for path in layer(flavour).iterdir()] == ["postgresql"]
    assert size(layer(flavour)) <= 45 << 20
    assert (layer(flavour) / "postgresql" / "built_for").read_text() == f"{flavour.architecture} 18.6\n"
    assert programs(flavour) == ["pg_dump", "pg_dumpall", "pg_restore", "postgres", "psql"]


@BOTH
def test_every_program_and_library_is_for_its_machine_and_content_with_lambdas_glibc(flavour: Flavour) -> None:
    found = 0
    for path in layer(flavour).rglob("*"):
        assert not path.is_symlink(), path
        if path.is_file() and (content := path.read_bytes()).startswith(b"\x7fELF"):
            found += 1
            assert struct.unpack_from("<H", content, 18) == (MACHINES[flavour.architecture],), path
            assert path.stat().st_mode & 0o111, path
    assert found > 80
    assemble.check(layer(flavour))


@BOTH
def test_the_cluster_in_it_is_new_and_knows_nothing_of_the_machine_it_was_made_on(flavour: Flavour) -> None:
    with tarfile.open(layer(flavour) / "postgresql" / "share" / "template.tar.xz") as archive:
        names = set(archive.getnames())
        assert {"PG_VERSION", "global/pg_control", "pg_hba.conf", "base/1"} <= names
        assert not any(name.endswith((".pid", ".opts")) for name in names)
        configuration = archive.extractfile("postgresql.conf")
        assert configuration is not None
        assert [line for line in configuration.read().splitlines() if not line.startswith(b"#")] == []


@IN_A_JAIL
@BOTH
def test_every_program_runs_with_glibc_alone(flavour: Flavour, tmp_path: Path) -> None:
    jail = Jail(tmp_path, layer(flavour), flavour.architecture)
    for name in programs(flavour):
        command = f"LD_LIBRARY_PATH=/opt/postgresql/lib {shlex.join(jail.runner)} /opt/postgresql/bin/{name} --version"
        done = jail.run(["/bin/sh", "-c", command])
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{name} (PostgreSQL) 18.6\n", "")


@IN_A_JAIL
@BOTH
def test_a_nameless_user_restores_a_dump_into_the_layers_cluster_and_dumps_the_same_again(
    flavour: Flavour, tmp_path: Path
) -> None:
    jail = Jail(tmp_path, layer(flavour), flavour.architecture)
    options = " ".join(f"-c {setting}" for setting in SETTINGS)
    script = ROUND_TRIP.replace("RUNNER", shlex.join(jail.runner)).replace("SETTINGS", options)
    done = jail.run(["/bin/sh", "-c", script], text=TABLE, with_template=True)
    assert (done.returncode, done.stderr) == (0, "")
    version, *said = done.stdout.splitlines()
    assert version.startswith(f"PostgreSQL 18.6 on {'aarch64' if flavour.architecture == 'arm64' else 'x86_64'}-")
    assert said == ["500|500", "dumped again: identical", "out of an archive: identical"]
