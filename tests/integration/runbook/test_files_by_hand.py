"""A person brings a folder back with the runbook's page alone."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleetsave.catalog.fleet_file import write_fleet
from fleetsave.local import toolbox
from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.slots import Slot
from tests.fixtures.recover_process import CollectNow, clock, services_of
from tests.fixtures.recovering import BUCKET, SERVER, Recovering
from tests.fixtures.trees import hostile_tree, snapshot_of
from tests.integration.runbook.page import blocks, variables

FOUND = ("fsfind", "fsfetch", "fslook", "fsunpack")


@dataclass
class Person:
    """Somebody with the page and a shell on the server; `folder` is the live one, `kind` the sort of archive there is."""

    recovering: Recovering
    folder: Path
    kind: Kind
    said: str = ""

    def back_up(self) -> BackupKey:
        """Capture the folder, or all of the server, and have it verified."""
        ssh = self.recovering.ssh.ssh_settings().model_dump(include={"host", "port", "user", "host_keys", "key_secret"})
        server = {"id": SERVER, "ssh": ssh, "files": [{"path": str(self.folder)}], "full": {}}
        write_fleet(self.recovering.store, json.dumps({"servers": [server]}))
        key = BackupKey(ArtifactId(SERVER, self.kind, self.kind.value), Slot(clock().replace(microsecond=0)), Compression.ZSTD)
        CollectNow(services_of(self.recovering.config("none.000001"))).send([Job(key.artifact_id, key.slot)])
        assert self.recovering.catalog.has(key, RecordName.VERIFIED)
        return key

    def follow(self, *names: str, tool: str) -> dict[str, int]:
        """Paste blocks of the page into bash, one after the other whatever they say, and return each one's exit code."""
        told, page = self.recovering.folder / "exit codes", blocks()
        script = [self._variables(), page[tool]]
        script += [f'{page[name]}\necho "{name} $?" >> {shlex.quote(str(told))}\n' for name in names]
        told.unlink(missing_ok=True)
        done = subprocess.run(
            ["bash"], input="".join(script), env=self._environment(), cwd=self.recovering.folder, capture_output=True, text=True,
            errors="surrogateescape", timeout=120, check=False,
        )  # fmt: skip
        self.said = done.stdout + done.stderr
        return {name: int(code) for name, code in (line.split() for line in told.read_text().splitlines())}

    def _variables(self) -> str:
        values = {
            "BUCKET": BUCKET,
            "ENDPOINT": self.recovering.seaweedfs.endpoint,
            "SERVER": SERVER,
            "TYPE": self.kind.value,
            "ARTIFACT": self.kind.value,
            "PART": "files/files",
            "FOLDER": str(self.folder),
        }
        assert list(values) == variables("fsvariables"), "the page asks for other variables than are set here"
        return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())

    def _environment(self) -> dict[str, str]:
        pair = self.recovering.seaweedfs.credentials()
        return {
            **os.environ,
            "PATH": f"{toolbox.ensure('by-hand') / 'bin'}:{os.environ['PATH']}",
            "AWS_ACCESS_KEY_ID": pair.access_key_id,
            "AWS_SECRET_ACCESS_KEY": pair.secret_access_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "TMPDIR": str(self.recovering.folder),
        }


def test_every_block_of_the_section_is_executed_here() -> None:
    assert {name for name in blocks() if name.startswith("fs")} == {"fsvariables", *FOUND, "fsswap", "fsundo"}


@pytest.fixture(params=[Kind.FILES, Kind.FULL])
def person(recovering: Recovering, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Person]:
    folder = tmp_path / "the game"
    hostile_tree(folder, files=60)
    yield Person(recovering, folder, request.param)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("tool", ["aws", "s3cmd"])
def test_a_folder_is_brought_back_entry_by_entry_and_undone(person: Person, tool: str) -> None:
    before = snapshot_of(person.folder)
    key = person.back_up()
    (person.folder / "ransom").write_text("pay")
    ruined = snapshot_of(person.folder)
    done = person.follow(*FOUND, "fsswap", tool=tool)
    assert set(done.values()) == {0}, person.said
    assert key.text in person.said
    assert snapshot_of(person.folder) == before
    (kept,) = person.folder.parent.glob("the game.before.*")
    assert snapshot_of(kept) == ruined


def test_it_can_be_undone_by_hand(person: Person) -> None:
    person.back_up()
    (person.folder / "since").write_text("written since")
    ruined = snapshot_of(person.folder)
    done = person.follow(*FOUND, "fsswap", "fsundo", tool="aws")
    assert set(done.values()) == {0}, person.said
    assert snapshot_of(person.folder) == ruined


def test_a_damaged_archive_is_noticed_before_anything_is_touched(person: Person) -> None:
    key = person.back_up()
    body = bytearray(person.recovering.store.get(key.text, limit=1 << 30))
    body[len(body) // 2] ^= 1
    person.recovering.store.put(key.text, bytes(body))
    before = snapshot_of(person.folder)
    done = person.follow("fsfind", "fsfetch", tool="aws")
    assert (done["fsfind"], done["fsfetch"] != 0) == (0, True), person.said
    assert snapshot_of(person.folder) == before
