"""Fault 28: names of files that a shell, an URI or a pattern would take for something else: stored and restored as they are."""

import os
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.catalog.manifests import read_manifest
from fleetsave.local.game import create
from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId
from fleetsave.model.kinds import Kind
from fleetsave.model.records import Outcome
from fleetsave.model.recovery_records import SwapMethod
from tests.faults.scoring import Tally, scored
from tests.fixtures.archives import TakenArchive
from tests.fixtures.copies import TreeRestoring, copy_of, deliver_tree
from tests.fixtures.fault_station import SERVER, FaultStation, key_of, stand_in_tally
from tests.fixtures.restores import Backup, Restoring, content_of, deliver
from tests.fixtures.trees import snapshot_of

GAME = ArtifactId(SERVER, Kind.FILES, "game")
KINDS = [
    " ", "'", '"', "$(touch canary)", "-", ";touch canary;", "?mode=rw", "#", "%25", "\n", "`touch canary`",
    "データ\u202e\u0301", "\\*[a]&|~",
]  # fmt: skip
LETTERS = "abcXYZ019 ._-'\"$;?#%&*\\()\n"


def hostile_name(kind: str, chance: random.Random) -> str:
    """Return a name with what is hostile in it, among others that may be; one that begins with a - is of that kind."""
    before, after = ("".join(chance.choices(LETTERS, k=chance.randint(0, 12))) for _ in range(2))
    name = f"-{after}rf" if kind == "-" else f"{before}{kind}{after}"
    return name if name.strip(".") else f"{name}x"


def canaries(*folders: Path) -> list[Path]:
    """Return what a shell would have made of some of the names."""
    return [folder / "canary" for folder in (*folders, Path.cwd(), Path.home()) if (folder / "canary").exists()]


def test_a_database_of_any_name_is_stored_and_restored(station: FaultStation, restoring: Restoring, tmp_path: Path) -> None:
    folder, model = tmp_path / "games", tmp_path / "model.db"
    folder.mkdir()
    create(model, "delete")
    with scored(28, "databases", share=2) as tally:
        for number in tally.each():
            path = folder / hostile_name(KINDS[number % len(KINDS)], tally.chance)
            shutil.copy(model, path)
            scribble(path, number)
            before = content_of(path)
            station.protect(path)
            job = station.next_job()
            if (error := station.attempt(job)) is not None:
                tally.lose(f"{path.name!r} was not captured: {error}")
                continue
            station.judge_whole(tally, job)
            stored = tmp_path / "stored.db"
            stored.write_bytes(station.plain(key_of(job)))
            scribble(path, -1)
            restore(restoring, stored, path, tally)
            if content_of(path) != before:
                tally.lose(f"{path.name!r} was not restored as it was")
            stored.unlink()
            left = [file.name for file in folder.iterdir() if file.name != path.name]
            if left or canaries(folder, station.staging):
                tally.accepted(f"{path.name!r}: something else appeared: {left}")
            path.unlink()


def scribble(path: Path, number: int) -> None:
    """Make the database differ from all others."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT OR REPLACE INTO world VALUES (?, randomblob(100))", (number,))
        connection.commit()


def restore(restoring: Restoring, stored: Path, target: Path, tally: Tally) -> None:
    """Bring what was stored back to where it came from, as a recovery does."""
    copy = stored.with_name("copy.db")
    backup = Backup(stored, copy)
    restorer = restoring.restorer(backup, target)
    restorer.survey()
    deliver(restorer, backup)
    restorer.swap(SwapMethod.IN_PLACE)
    bad = [str(finding) for finding in restorer.verify() if finding.outcome is not Outcome.PASSED]
    if bad:
        tally.lose(f"{target.name!r}: {bad}")
    restorer.clean_up()
    copy.unlink()


def test_files_of_any_name_are_stored_and_restored(station: FaultStation, tree_restoring: TreeRestoring, tmp_path: Path) -> None:
    tree = tmp_path / "games" / "tree"
    station.server["files"] = [{"name": "game", "path": str(tree)}]
    with scored(28, "files of a set", share=2) as tally:
        for number in tally.each():
            if number % len(KINDS):
                continue  # all kinds of names are in one set, and were looked at with the first
            make_tree(tree, tally.chance)
            before = snapshot_of(tree)
            job = station.next_job(GAME)
            if (error := station.attempt(job)) is not None:
                tally.lose(f"not captured: {error}")
                continue
            station.judge_whole(tally, job)
            copy = copy_of(taken(station, job, tmp_path))
            shutil.rmtree(tree)
            tree.mkdir()
            restorer = tree_restoring.restorer(copy, tree)
            restorer.survey()
            deliver_tree(restorer, copy)
            kept = restorer.swap(SwapMethod.SET_ASIDE).kept or ""
            for finding in restorer.verify():
                if finding.outcome is not Outcome.PASSED:
                    tally.lose(str(finding))
            restorer.clean_up()
            if snapshot_of(tree) != before:
                tally.lose("the set was not restored as it was")
            left = [file.name for file in tree.parent.iterdir() if file != tree and str(file) not in kept]
            if left or canaries(tree, tree.parent, station.staging):
                tally.accepted(f"something else appeared: {left}")
            shutil.rmtree(tree.parent)
            tally.seen["names"] = int(str(tally.seen.get("names", 0))) + len(before) - 1


def make_tree(tree: Path, chance: random.Random) -> None:
    """Make a folder with a file and a folder of a name of every kind, and one that is no text."""
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    for kind in KINDS:
        (tree / hostile_name(kind, chance)).write_bytes(chance.randbytes(chance.randrange(3000)))
        folder = tree / f"{hostile_name(kind, chance)}.d"
        folder.mkdir()
        (folder / hostile_name(kind, chance)).write_bytes(chance.randbytes(10))
    (tree / os.fsdecode(b"no text \xff\xfe")).write_bytes(b"odd")


def taken(station: FaultStation, job: Job, folder: Path) -> TakenArchive:
    """Return what was stored, as a file with its manifest."""
    record = station.catalog.stored(key_of(job))
    path = folder / "stored.tar"
    path.write_bytes(station.plain(key_of(job)))
    return TakenArchive(path, record.archive, {entry.path: entry for entry in read_manifest(station.store, record)})


def test_a_shell_that_took_a_name_for_a_command_would_be_seen(tmp_path: Path) -> None:
    tally = stand_in_tally(28)
    name = hostile_name(KINDS[3], tally.chance)
    assert "$(touch canary)" in name
    (tmp_path / "canary").touch()
    assert canaries(tmp_path) == [tmp_path / "canary"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_of_every_kind_can_stand_for_a_file(kind: str) -> None:
    names = {hostile_name(kind, random.Random(seed)) for seed in range(200)}
    assert all(kind in name and "/" not in name and "\0" not in name and 0 < len(os.fsencode(name)) < 200 for name in names)
