"""Files that change, grow, shrink, come and go while they are archived: always a readable archive, and each of them named."""

from pathlib import Path

from fleetsave.model.archives import TreePart
from fleetsave.sources.over_ssh import SshSource
from tests.fixtures.archives import order_of, take_archive
from tests.fixtures.restless import make_restless, restlessness, unnamed_lies

RUNS = 5


def test_what_was_not_at_rest_is_named_and_the_archive_is_whole(source: SshSource, tmp_path: Path) -> None:
    folder = tmp_path / "restless"
    make_restless(folder)
    named: set[str] = set()
    with restlessness(folder, seed=1):
        for _ in range(RUNS):
            taken = take_archive(source, order_of(TreePart("files/game", str(folder))), tmp_path / "archive.tar")
            assert unnamed_lies(taken) == []
            named |= set(taken.problems.values())
    assert named & {"changed", "grew", "shrunk", "vanished"}
