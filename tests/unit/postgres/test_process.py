"""A program runs with what it is given and nothing else, is listened to, and is never left behind."""

import subprocess
import sys
from pathlib import Path

import pytest

from fleetsave.postgres.process import PostgresProcess

PYTHON = sys.executable


def test_a_program_has_the_environment_it_is_given_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with PostgresProcess(["/usr/bin/env"], {"PGTZ": "GMT"}) as process:
        assert b"".join(process.chunks()) == b"PGTZ=GMT\n"
        assert process.wait() == 0


def test_its_last_words_are_kept_however_many_it_says() -> None:
    talk = "import sys; sys.stderr.write('x' * 1000000 + 'the end')"
    with PostgresProcess([PYTHON, "-c", talk], {}) as process:
        assert process.wait(30) == 0
        assert process.errors.endswith("the end")
        assert len(process.errors) < 40_000


def test_a_program_that_runs_on_is_killed_with_its_block() -> None:
    with PostgresProcess([PYTHON, "-c", "import time; time.sleep(60)"], {}) as process:
        pid = process.pid
        assert not process.has_ended
    assert not Path(f"/proc/{pid}").exists()


def test_waiting_has_an_end() -> None:
    with PostgresProcess([PYTHON, "-c", "import time; time.sleep(60)"], {}) as process, pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.1)


def test_a_kill_shows_as_the_number_of_its_signal() -> None:
    with PostgresProcess([PYTHON, "-c", "import time; time.sleep(60)"], {}) as process:
        process.kill()
        process.kill()
        assert process.wait(30) == -9


def test_what_goes_elsewhere_cannot_be_read() -> None:
    with PostgresProcess(["/bin/true"], {}, stdout=subprocess.DEVNULL) as process:
        with pytest.raises(ValueError, match="writes elsewhere"):
            _ = process.stdout
        with pytest.raises(ValueError, match="reads elsewhere"):
            _ = process.stdin
