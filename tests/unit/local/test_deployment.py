"""The digest of the sources changes with everything that is deployed, and with nothing else."""

from pathlib import Path

import pytest

from fleetsave.local.deployment import source_digest


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("template.yaml", "functions/collect/app.py", "layers/fleetsave/fleetsave/settings.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")
    return tmp_path


@pytest.mark.parametrize(
    "name", ["template.yaml", "functions/collect/app.py", "functions/Makefile", "layers/fleetsave/fleetsave/new.py"]
)  # fmt: skip
def test_what_is_deployed_counts(project: Path, name: str) -> None:
    before = source_digest(project)
    (project / name).write_text("changed")
    assert source_digest(project) != before


@pytest.mark.parametrize(
    "name", ["layers/fleetsave/fleetsave/cli/main.py", "layers/fleetsave/fleetsave/__pycache__/a.pyc", "tests/a.py", "README.md"]
)
def test_what_stays_here_does_not(project: Path, name: str) -> None:
    before = source_digest(project)
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text("changed")
    assert source_digest(project) == before
