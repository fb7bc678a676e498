"""The small project that the local stack's own tests deploy."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of it, so that what SAM builds is not left among the tests."""
    copy = tmp_path_factory.mktemp("project")
    shutil.copytree(Path(__file__).parent / "project", copy, dirs_exist_ok=True)
    return copy
