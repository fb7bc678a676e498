"""A dump flows into psql or pg_restore as a stream, and whatever ends it is told from whatever else does."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fleetsave.local.postgres_server import PostgresServer
from fleetsave.model.kinds import DumpFormat
from fleetsave.postgres.login import Login
from fleetsave.postgres.restoring import DamagedDumpError, RestoreResult, archive_text, restore
from tests.fixtures.stored_dumps import TakenDump, layer_programs, take_dump

ROWS = 60_000
CHUNK = 64 << 10


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgresql"), major=18) as server:
        server.create_database("game")
        server.psql(f"CREATE TABLE t AS SELECT g AS id, md5(g::text) AS name FROM generate_series(1, {ROWS}) AS g", "game")
        server.psql("SELECT lo_from_bytea(4711, decode(repeat('ff', 5000), 'hex'))", "game")
        yield server


@pytest.fixture(scope="module")
def dumps(server: PostgresServer) -> dict[DumpFormat, TakenDump]:
    return {one: take_dump(server, "game", dump_format=one) for one in DumpFormat}


@pytest.fixture
def empty(server: PostgresServer) -> Iterator[str]:
    server.create_database("empty")
    yield "empty"
    server.psql("DROP DATABASE empty WITH (FORCE)")


def pieces(content: bytes) -> Iterator[bytes]:
    yield from (content[start : start + CHUNK] for start in range(0, len(content), CHUNK))


def run(server: PostgresServer, chunks: Iterator[bytes], dump_format: DumpFormat, **given: float) -> RestoreResult:
    login = Login(
        "localhost", server.port, "postgres", server.superuser_password, "empty",
        ca_certificate=server.ca_certificate, address="127.0.0.1",
    )  # fmt: skip
    with login.for_child() as (variables, descriptors):
        return restore(
            layer_programs(), variables, descriptors, login.child_database, chunks, dump_format, seconds=given.get("seconds", 60)
        )


@pytest.mark.parametrize("dump_format", list(DumpFormat))
def test_a_whole_dump_goes_in_from_its_stream(
    server: PostgresServer, dumps: dict[DumpFormat, TakenDump], empty: str, dump_format: DumpFormat
) -> None:
    plain = dumps[dump_format].plain
    result = run(server, pieces(plain), dump_format)
    assert result.succeeded
    # A plain dump with large objects has a transaction of its own, which psql remarks on.
    assert (result.status, result.size, "ERROR" in result.errors) == (0, len(plain), False)
    assert server.psql("SELECT count(*), sum(length(lo_get(4711))) FROM t WHERE id = 1", empty) == "1|5000"


def test_progress_is_told_in_bytes(server: PostgresServer, dumps: dict[DumpFormat, TakenDump], empty: str) -> None:
    told: list[int] = []
    plain = dumps[DumpFormat.CUSTOM].plain
    login = Login("localhost", server.port, "postgres", server.superuser_password, empty, ca_certificate=server.ca_certificate)
    with login.for_child() as (variables, descriptors):
        restore(
            layer_programs(), variables, descriptors, login.child_database, pieces(plain), DumpFormat.CUSTOM,
            seconds=60, told=told.append,
        )  # fmt: skip
    assert told == [*range(CHUNK, len(plain), CHUNK), len(plain)]


def test_a_program_that_refuses_is_quoted_and_not_its_broken_pipe(server: PostgresServer, empty: str) -> None:
    endless = (b"SELECT no_such_function();\n" * 10_000 for _ in range(1_000))
    result = run(server, endless, DumpFormat.PLAIN)
    assert (result.succeeded, result.ended_early, result.timed_out) == (False, True, False)
    assert result.status == 3
    assert "function no_such_function() does not exist" in result.errors
    assert empty


def test_what_is_no_archive_is_refused_in_pg_restores_words(server: PostgresServer, empty: str) -> None:
    result = run(server, iter([b"not an archive" * 1000]), DumpFormat.CUSTOM)
    assert not result.succeeded
    assert "input file does not appear to be a valid" in result.errors
    assert empty


@pytest.mark.parametrize("dump_format", list(DumpFormat))
def test_at_the_deadline_it_is_killed_even_if_nothing_comes(
    server: PostgresServer, dumps: dict[DumpFormat, TakenDump], empty: str, dump_format: DumpFormat
) -> None:
    plain = dumps[dump_format].plain

    def stalling() -> Iterator[bytes]:
        yield plain[:5000]
        time.sleep(1)
        yield plain[5000:]

    result = run(server, stalling(), dump_format, seconds=0.4)
    assert (result.succeeded, result.timed_out, result.status) == (False, True, -9)
    assert server.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", empty) == "0"


def test_what_the_source_of_the_bytes_raises_goes_through_and_nothing_is_committed(server: PostgresServer, empty: str) -> None:
    def failing() -> Iterator[bytes]:
        yield b"CREATE TABLE half (a integer);\n"
        raise OSError("the store went away")

    with pytest.raises(OSError, match="went away"):
        run(server, failing(), DumpFormat.PLAIN)
    assert server.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", empty) == "0"


def test_psqls_own_commands_in_a_text_are_not_run_between_its_guards(
    server: PostgresServer, dumps: dict[DumpFormat, TakenDump], empty: str, tmp_path: Path
) -> None:
    proof = tmp_path / "proof"
    hostile = dumps[DumpFormat.PLAIN].plain.replace(b"CREATE TABLE", f"\\! touch {proof}\nCREATE TABLE".encode(), 1)
    result = run(server, iter([hostile]), DumpFormat.PLAIN)
    assert not result.succeeded
    assert "restricted" in result.errors
    assert not proof.exists()
    assert empty


FORGED = (
    "\\! touch {proof}\n",
    "\\restrict K\n\\unrestrict K\n\\! touch {proof}\n",
    "--\n\n\\restrict {key}\n\nSELECT 1;\n\\unrestrict {key}\n\\! touch {proof}\n\\restrict {key}\n\n\\unrestrict {key}\n\n",
    "SELECT 1 \\g |touch {proof}\n",
    "\\o |touch {proof}\nSELECT 1;\n",
    "\\copy (SELECT 1) TO PROGRAM 'touch {proof}'\n",
    "\\unrestrict 0\n\\i |touch {proof}\n",
    # What looks like a comment before the guard, or like the line of one, is none to psql.
    "-- a comment\r\\! touch {proof}\n\\restrict {key}\n\n\\unrestrict {key}\n",
    "-- a comment\0\n\\restrict {key}\nSELECT 1;\n\\! touch {proof}\n",
)


@pytest.mark.parametrize("forged", FORGED, ids=range(len(FORGED)))
def test_nor_are_they_in_a_text_that_somebody_made_up_with_a_key_he_knows(
    server: PostgresServer, empty: str, tmp_path: Path, forged: str
) -> None:
    proof = tmp_path / "proof"
    result = run(server, iter([forged.format(proof=proof, key="ab" * 24).encode()]), DumpFormat.PLAIN)
    assert not result.succeeded
    assert not proof.exists()
    assert empty


def test_the_password_is_in_no_argument(server: PostgresServer, empty: str) -> None:
    seen: list[str] = []

    def looking() -> Iterator[bytes]:
        yield b"SELECT 1;\n"
        deadline = time.monotonic() + 30
        # A program that has just been started shows no arguments yet.
        while not any("--single-transaction" in one for one in seen) and time.monotonic() < deadline:
            seen.extend(_shown_by_others())

    assert run(server, looking(), DumpFormat.PLAIN).succeeded
    assert any("--single-transaction" in one for one in seen)
    assert not any(server.superuser_password in one for one in seen)
    assert empty


def test_an_archive_becomes_the_very_text_of_a_plain_dump(dumps: dict[DumpFormat, TakenDump]) -> None:
    archive = dumps[DumpFormat.CUSTOM]
    text = b"".join(archive_text(layer_programs(), pieces(archive.plain), archive.report.restrict_key))
    plain = dumps[DumpFormat.PLAIN]
    assert text.replace(archive.report.restrict_key.encode(), plain.report.restrict_key.encode()) == plain.plain


@pytest.mark.parametrize("kept", [0, 3, 1_000, -200, -1])
def test_an_archive_that_is_cut_short_is_damaged(dumps: dict[DumpFormat, TakenDump], kept: int) -> None:
    cut = dumps[DumpFormat.CUSTOM].plain[:kept]
    with pytest.raises(DamagedDumpError, match="pg_restore ended with 1"):
        b"".join(archive_text(layer_programs(), pieces(cut), "key"))


def test_what_feeds_an_archive_may_fail_and_who_reads_it_may_stop(dumps: dict[DumpFormat, TakenDump]) -> None:
    archive = dumps[DumpFormat.CUSTOM].plain

    def failing() -> Iterator[bytes]:
        yield archive[:1000]
        raise ConnectionResetError("the store went away")

    with pytest.raises(ConnectionResetError, match="went away"):
        b"".join(archive_text(layer_programs(), failing(), "key"))
    text = archive_text(layer_programs(), pieces(archive), "key")
    assert next(text).startswith(b"--\n-- PostgreSQL database dump")
    text.close()  # type: ignore[attr-defined]  # it is a generator


def _shown_by_others() -> Iterator[str]:
    """Yield the arguments and the environments of all processes but ours."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            for name in ("cmdline", "environ"):
                with suppress(OSError):
                    yield (process / name).read_bytes().decode(errors="replace")
