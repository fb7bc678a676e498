"""The room of collect with a world of its own."""

import pytest

from fleetsave.collect import room, upload
from tests.fakes.sqlite_source import FakeSource
from tests.unit.collect.world import CONTENT, PATH, World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    source = FakeSource({PATH: CONTENT})
    monkeypatch.setattr(upload, "source", source)
    monkeypatch.setattr(room, "source", source)
    return World(source)
