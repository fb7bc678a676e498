"""Tools are made once, and made anew when what they are made from changes."""

from pathlib import Path

import pytest

from fleetsave.local import toolbox


def test_a_tool_is_made_once(tmp_path: Path) -> None:
    (tmp_path / "requirements-empty.txt").write_text("# nothing\n")
    venv = toolbox.ensure("empty", project=tmp_path)
    (venv / "mine").touch()

    assert toolbox.ensure("empty", project=tmp_path) == venv
    assert (venv / "bin" / "python").exists()
    assert (venv / "mine").exists()


def test_a_half_made_tool_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "requirements-empty.txt").write_text("# nothing\n")
    venv = tmp_path / ".local" / "tools" / "empty"
    venv.mkdir(parents=True)
    (venv / "leftover").touch()

    toolbox.ensure("empty", project=tmp_path)

    assert not (venv / "leftover").exists()


def test_what_cannot_be_installed_is_named(tmp_path: Path) -> None:
    (tmp_path / "requirements-broken.txt").write_text("./no-such-folder\n")
    with pytest.raises(RuntimeError, match="cannot make the tool broken"):
        toolbox.ensure("broken", project=tmp_path)
    assert not (tmp_path / ".local" / "tools" / "broken" / "made-from").exists()
