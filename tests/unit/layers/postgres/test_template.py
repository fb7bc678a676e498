"""The cluster that a test-restore begins with is made by initdb, and packed without anything of the machine that made it."""

import tarfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from layers.postgres import template
from layers.postgres.template import TemplateError
from tests.fixtures.postgres_wheels import INITDB


@pytest.fixture
def installation() -> Iterator[Path]:
    """An installation that everybody can reach, as initdb does not run as root."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "bin").mkdir()
        write_initdb(Path(folder), INITDB)
        yield Path(folder)


def write_initdb(installation: Path, content: bytes) -> None:
    program = installation / "bin" / "initdb"
    program.write_bytes(content)
    program.chmod(0o755)


def test_it_holds_what_initdb_made_and_no_settings_of_the_machine(installation: Path, tmp_path: Path) -> None:
    template.make_template(installation, tmp_path / "share" / "template.tar.xz")
    with tarfile.open(tmp_path / "share" / "template.tar.xz") as archive:
        archive.extractall(tmp_path / "data", filter="data")
    data = tmp_path / "data"
    assert {path.name for path in data.iterdir()} == {"base", "PG_VERSION", "postgresql.conf", "pg_hba.conf", "pg_ident.conf"}
    assert (data / "PG_VERSION").read_text() == "98\n"
    assert "timezone" not in (data / "postgresql.conf").read_text()
    assert (data / "pg_hba.conf").read_text() == "local all postgres trust\n"


def test_the_same_files_make_the_same_archive(installation: Path, tmp_path: Path) -> None:
    archives = tmp_path / "first.tar.xz", tmp_path / "second.tar.xz"
    for path in archives:
        template.make_template(installation, path)
    assert archives[0].read_bytes() == archives[1].read_bytes()
    with tarfile.open(archives[0]) as archive:
        assert {(member.uid, member.gid, member.uname, member.mtime) for member in archive} == {(0, 0, "", 0)}


def test_initdbs_last_words_are_told(installation: Path, tmp_path: Path) -> None:
    write_initdb(installation, b"#!/bin/sh\necho 'no room' >&2\nexit 3\n")
    with pytest.raises(TemplateError, match=r"^initdb ended with 3: no room"):
        template.make_template(installation, tmp_path / "template.tar.xz")
    assert not (tmp_path / "template.tar.xz").exists()


def test_the_command_ends_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"^the cluster for test-restores cannot be made: .*initdb"):
        template.main(["--installation", str(tmp_path), "--into", str(tmp_path / "template.tar.xz")])
