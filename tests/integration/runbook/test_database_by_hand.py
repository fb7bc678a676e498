"""A person brings the central database back with the runbook's page alone, while applications use it."""

import hashlib
import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleetsave.local import toolbox
from fleetsave.model.keys import RecordName
from tests.fixtures.dumping import DATABASE
from tests.fixtures.postgres_clients import TABLE, Clients
from tests.fixtures.recovering_postgres import RecoveringPostgres, new_recovering
from tests.integration.runbook.page import blocks, variables

FOUND = ("pgfind", "pgfetch", "pgroles", "pgmakeroles", "pgcreate", "pgrestore", "pgcount")
EVERYTHING = (*FOUND, "pgswap", "pgundo")


@dataclass
class Person:
    """Somebody with the page, a shell, and PostgreSQL's programs of the layer's version."""

    central: RecoveringPostgres
    folder: Path
    artifact: str = "postgresql"
    database: str = DATABASE
    said: str = ""

    def follow(self, *names: str, tool: str = "aws", more: str = "") -> dict[str, int]:
        """Paste blocks of the page into bash, one after the other whatever they say, and return each one's exit code."""
        told, page = self.folder / "exit codes", blocks()
        script = [self._variables(), more, page[tool]]
        script += [f'{page[name]}\necho "{name} $?" >> {shlex.quote(str(told))}\n' for name in names]
        told.unlink(missing_ok=True)
        done = subprocess.run(
            ["bash"], input="".join(script), env=self._environment(), cwd=self.folder, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        self.said = done.stdout + done.stderr
        return {name: int(code) for name, code in (line.split() for line in told.read_text().splitlines())}

    def _variables(self) -> str:
        dumping = self.central.dumping
        values = {
            "BUCKET": dumping.bucket,
            "ENDPOINT": dumping.seaweedfs.endpoint,
            "ARTIFACT": self.artifact,
            "DATABASE": self.database,
        }
        assert list(values) == variables("pgvariables"), "the page asks for other variables than are set here"
        return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())

    def _environment(self) -> dict[str, str]:
        dumping = self.central.dumping
        pair = dumping.seaweedfs.credentials()
        tools = toolbox.ensure("by-hand") / "bin"
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FLEETSAVE_", "PG"))}
        postgres = dumping.server.environment()
        return own | {
            **{name: value for name, value in postgres.items() if name.startswith("PG")},
            "PATH": f"{self._programs()}:{tools}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "AWS_ACCESS_KEY_ID": pair.access_key_id,
            "AWS_SECRET_ACCESS_KEY": pair.secret_access_key,
            "AWS_DEFAULT_REGION": dumping.seaweedfs.region,
        }

    def _programs(self) -> Path:
        """Return a folder with psql and pg_restore that find their own libraries, and leave those of others alone."""
        folder, programs = self.folder / "programs", self.central.dumping.programs
        folder.mkdir(exist_ok=True)
        for name in ("psql", "pg_restore"):
            path = folder / name
            libraries = shlex.quote(str(programs.folder / "lib"))
            path.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={libraries} exec {shlex.quote(programs.path(name))} "$@"\n')
            path.chmod(0o755)
        return folder


@pytest.fixture(scope="module")
def shared_person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """A person, and a server of the oldest version: it knows the least of what the page does."""
    folder = tmp_path_factory.mktemp("by hand")
    (folder / "person").mkdir()
    with new_recovering(folder, major=14) as central:
        yield Person(central, folder / "person")


@pytest.fixture
def person(shared_person: Person) -> Person:
    shared_person.central.start_anew()
    shared_person.artifact, shared_person.database = "postgresql", DATABASE
    return shared_person


def all_done(codes: dict[str, int], person: Person) -> None:
    assert {name: code for name, code in codes.items() if code} == {}, person.said


def test_every_block_of_the_page_is_followed_here() -> None:
    assert {name for name in blocks() if name.startswith("pg")} == {"pgvariables", *EVERYTHING}


@pytest.mark.parametrize(("tool", "dump_format"), [("aws", "plain"), ("s3cmd", "custom")])
def test_a_dropped_table_is_back_and_can_be_taken_back(person: Person, tool: str, dump_format: str) -> None:
    central = person.central
    central.dumping.database = {"format": dump_format}
    central.dumping.put_fleet()
    central.dumping.server.create_role("shop")
    central.psql(
        f'{TABLE}; CREATE SCHEMA "Odd ""q"" name"; CREATE TABLE "Odd ""q"" name"."T 1" AS SELECT 1 AS x; '
        "CREATE TABLE players AS SELECT g AS x FROM generate_series(1, 300) g; GRANT SELECT ON players TO shop; "
        "ALTER DATABASE game SET work_mem TO '7MB'"
    )
    with Clients(central.dumping.server, DATABASE) as clients:
        clients.wait_for(5)
        key = central.back_up()
        central.psql("DROP TABLE players; DROP ROLE shop")
        all_done(person.follow(*FOUND, "pgswap", tool=tool), person)
        clients.wait_for(5)
        assert f"newest verified: {key}" in person.said
        assert central.psql("SELECT count(*) FROM players; SHOW work_mem") == "300\n7MB"
        assert len(central.databases()) == 2
        all_done(person.follow("pgundo"), person)
        clients.wait_for(5)
    assert central.psql("SELECT to_regclass('players') IS NULL") == "t"
    assert clients.refused == []
    central.psql("SELECT 1")
    assert sorted(name.split("_")[1] for name in central.databases() - {DATABASE}) == ["undone"]


def test_a_database_that_is_gone_is_back(person: Person) -> None:
    central = person.central
    central.psql("CREATE TABLE t AS SELECT 1 AS x")
    central.back_up()
    central.dumping.server.psql("DROP DATABASE game WITH (FORCE)")
    all_done(person.follow(*FOUND, "pgswap", tool="s3cmd"), person)
    assert central.psql("SELECT count(*) FROM t") == "1"
    assert central.databases() == {DATABASE}


def test_a_rejected_dump_is_not_the_newest_verified_one(person: Person) -> None:
    central = person.central
    central.psql("CREATE TABLE t (x int)")
    older = central.back_up()
    newer = central.back_up()
    central.dumping.store.put(newer.record_key(RecordName.REJECTED), b"{}")
    all_done(person.follow("pgfind"), person)
    assert f"newest verified: {older}" in person.said


def test_a_damaged_dump_goes_no_further(person: Person) -> None:
    central = person.central
    central.psql("CREATE TABLE t AS SELECT g AS x FROM generate_series(1, 100) g")
    key = central.back_up()
    store = central.dumping.store
    body = bytearray(store.get(key.text))
    body[len(body) // 2] ^= 1
    store.delete(key.text)
    store.put(key.text, bytes(body))
    codes = person.follow(*FOUND, "pgswap", tool="s3cmd")
    assert codes["pgfetch"] != 0
    assert codes["pgrestore"] != 0
    assert codes["pgswap"] != 0
    assert central.psql("SELECT count(*) FROM t") == "100"


@pytest.mark.parametrize(
    "forged", ["\\! touch {proof}\n{dump}", "--\n--\r\\! touch {proof}\n{dump}", "{dump}\\! touch {proof}\n"]
)
def test_a_dump_that_somebody_forged_runs_no_program(person: Person, forged: str) -> None:
    central = person.central
    central.dumping.database = {"format": "plain", "compression": "none"}
    central.dumping.put_fleet()
    central.psql("CREATE TABLE t (x int)")
    key, proof = central.back_up(), person.folder / "proof"
    store, record = central.dumping.store, key.record_key(RecordName.STORED)
    told, dump = store.get(record), store.get(key.text)
    body = forged.format(proof=proof, dump=dump.decode()).encode()
    for name, content in ((key.text, body), (record, told.replace(digest(dump), digest(body)))):
        store.delete(name)
        store.put(name, content)
    codes = person.follow(*FOUND)
    assert codes["pgfetch"] == 0
    assert codes["pgrestore"] != 0
    assert "restricted" in person.said
    assert not proof.exists()


def digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()
