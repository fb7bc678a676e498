"""The room of collect with a world of its own."""

import pytest

from tests.fakes.sqlite_source import FakeSource
from tests.unit.collect.world import CONTENT, PATH, World


@pytest.fixture
def world() -> World:
    return World(FakeSource({PATH: CONTENT}))
