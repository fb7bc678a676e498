"""The published figures of archives: a folder of everything, files that never rest, and memory for a folder of 4 GB."""

import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetsave.local.sshd import SshServer
from fleetsave.model.archives import TreePart
from fleetsave.model.fleet import Server
from fleetsave.sources.over_ssh import SshSource
from fleetsave.transports.ssh import SshTransport
from tests.fixtures.archive_process import Seen, take_in_a_process
from tests.fixtures.archives import order_of, take_archive, unpacked_by_python, unpacked_by_tar
from tests.fixtures.restless import make_restless, restlessness, unnamed_lies
from tests.fixtures.trees import hostile_tree, snapshot_of
from tests.soak.figures import record

FILES = int(os.environ.get("FLEETSAVE_SOAK_FILES", "50000"))
RUNS = int(os.environ.get("FLEETSAVE_SOAK_RUNS", "100"))
LARGE_MEGABYTES = int(os.environ.get("FLEETSAVE_SOAK_MEGABYTES", "4096"))
SMALL_MEGABYTES = 64
LARGEST_SCRIPT, LARGEST_CLIENT, LARGEST_DIFFERENCE = 100_000_000, 200_000_000, 30_000_000

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder on a disk, with room for the largest tree and its archive."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="fleetsave-soak-") as made:
        yield Path(made)


@pytest.fixture
def source(ssh_server: SshServer, folder: Path) -> Iterator[SshSource]:
    settings = ssh_server.ssh_settings()
    server = Server(id="server_001", ssh=settings, staging=str(folder / "staging"))
    opened = SshSource(SshTransport(settings, ssh_server.private_key), server)
    yield opened
    opened.close()


def test_a_folder_of_everything_comes_back_as_it_was(source: SshSource, folder: Path) -> None:
    seed = random.randrange(1 << 32)
    hostile_tree(folder / "tree", files=FILES, seed=seed)
    before = snapshot_of(folder / "tree")
    started = time.monotonic()
    taken = take_archive(source, order_of(TreePart("files/game", str(folder / "tree")), deadline=3600), folder / "archive.tar")
    seconds = time.monotonic() - started
    by_tar = snapshot_of(unpacked_by_tar(taken.path, folder / "by tar") / "files" / "game")
    different = [path for path in before.keys() | by_tar.keys() if before.get(path) != by_tar.get(path)]
    shutil.rmtree(folder / "by tar")
    by_python = snapshot_of(unpacked_by_python(taken.path, folder / "by python") / "files" / "game")
    contents = [path for path in before if by_python[path].get("sha256") != before[path].get("sha256")]
    record(
        "a folder of everything",
        seed=seed,
        entries=len(before),
        archive_bytes=taken.report.size,
        different_by_gnu_tar=len(different),
        different_by_python=len(contents),
        server_seconds=round(taken.report.seconds, 1),
        seconds_with_checks=round(seconds, 1),
    )
    assert (different, contents, taken.problems) == ([], [], {})
    assert by_python.keys() == before.keys()


def test_files_that_never_rest_are_named_each_time(source: SshSource, folder: Path) -> None:
    seed = random.randrange(1 << 32)
    make_restless(folder / "restless")
    lies: list[list[str]] = []
    problems: dict[str, int] = {}
    with restlessness(folder / "restless", seed):
        for _ in range(RUNS):
            taken = take_archive(source, order_of(TreePart("files/game", str(folder / "restless"))), folder / "archive.tar")
            lies.append(unnamed_lies(taken))
            for problem in taken.problems.values():
                problems[problem] = problems.get(problem, 0) + 1
    record(
        "archives of files that never rest",
        seed=seed,
        archives=RUNS,
        readable=len(lies),
        with_unnamed_lies=sum(bool(found) for found in lies),
        **problems,
    )
    assert [found for found in lies if found] == []
    assert {"changed", "grew", "vanished"} <= problems.keys()


def test_memory_does_not_grow_with_the_folder(ssh_server: SshServer, folder: Path) -> None:
    small, large = measured(ssh_server, folder, SMALL_MEGABYTES), measured(ssh_server, folder, LARGE_MEGABYTES)
    record(
        "memory of an archive",
        small_megabytes=SMALL_MEGABYTES,
        large_megabytes=LARGE_MEGABYTES,
        script_peak_megabytes_small=round(small.script_peak / 1e6, 1),
        script_peak_megabytes_large=round(large.script_peak / 1e6, 1),
        client_peak_megabytes_small=round(small.client_peak / 1e6, 1),
        client_peak_megabytes_large=round(large.client_peak / 1e6, 1),
        seconds_large=round(large.seconds, 1),
        left_in_tmp=len(large.left_in_tmp),
    )
    assert (small.left_in_tmp, large.left_in_tmp) == ([], [])
    assert large.script_peak < LARGEST_SCRIPT
    assert large.client_peak < LARGEST_CLIENT
    assert large.script_peak - small.script_peak < LARGEST_DIFFERENCE
    assert large.client_peak - small.client_peak < LARGEST_DIFFERENCE


def measured(ssh: SshServer, folder: Path, megabytes: int) -> Seen:
    """Archive a folder of eight large files by a process of its own, which throws the bytes away."""
    tree = folder / "tree"
    tree.mkdir()
    for number in range(8):
        with (tree / f"region-{number}.bin").open("wb") as file:
            for _ in range(megabytes // 8):
                file.write(os.urandom(1 << 20))
    try:
        return take_in_a_process(ssh, tree, folder / "config.json")
    finally:
        shutil.rmtree(tree)
