"""Scratch folders are given back, also those of runs that were killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fleetsave.model.errors import VerificationError
from fleetsave.verify.scratch import let_servers_in, private_folder, require_room

HOLD = """
import sys
from pathlib import Path
from fleetsave.verify.scratch import private_folder
with private_folder(Path(sys.argv[1])) as folder:
    (folder / "restored.db").write_bytes(b"x" * 1000)
    print(folder, flush=True)
    sys.stdin.read()
"""


def folders(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.is_dir()]


def test_a_folder_is_removed_with_all_that_is_in_it(tmp_path: Path) -> None:
    with private_folder(tmp_path) as folder:
        (folder / "restored.db").write_bytes(b"x")
        assert folders(tmp_path) == [folder]
    assert folders(tmp_path) == []


def test_a_folder_is_removed_after_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), private_folder(tmp_path):
        raise ZeroDivisionError
    assert folders(tmp_path) == []


def test_nobody_else_may_look_into_a_folder_and_servers_of_ours_may_pass(tmp_path: Path) -> None:
    with private_folder(tmp_path) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        let_servers_in(folder)
        assert folder.stat().st_mode & 0o777 == (0o711 if os.geteuid() == 0 else 0o700)


def test_two_runs_have_a_folder_each(tmp_path: Path) -> None:
    with private_folder(tmp_path) as one, private_folder(tmp_path) as other:
        assert one != other
        assert len(folders(tmp_path)) == 2


def test_the_folder_of_a_killed_run_is_swept_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            held = Path(process.stdout.readline().strip())
            with private_folder(tmp_path):
                assert (held / "restored.db").exists()
        finally:
            process.kill()
    assert held.exists()
    with private_folder(tmp_path) as folder:
        assert folders(tmp_path) == [folder]


def test_what_does_not_fit_is_refused_with_both_sizes_and_the_parameter_to_raise(tmp_path: Path) -> None:
    require_room(tmp_path, 1, "key")
    with pytest.raises(VerificationError) as caught:
        require_room(tmp_path, 1 << 62, "key")
    assert str(1 << 62) in caught.value.cause
    assert "VerifyStorage" in caught.value.hint
    assert not caught.value.retryable
