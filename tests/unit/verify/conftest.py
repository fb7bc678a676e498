"""A room in memory and a database to back up."""

from pathlib import Path

import pytest

from tests.fixtures.stored_backups import Room, make_database


@pytest.fixture
def room(tmp_path: Path) -> Room:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Room(scratch)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return make_database(tmp_path / "world.db")
