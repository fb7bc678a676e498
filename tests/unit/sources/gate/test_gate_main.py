"""A command is known by its exact text, and what is refused is told in one line."""

import shlex
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.sources.gate.gate_main import KILLABLE, PROBE, GateInput, end_other_gate, words_of
from fleetsave.sources.sqlite.server_side.ground import RefusedError
from fleetsave.transports.process import killable_line, shell_line


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_what_fleetsave_writes_is_read_again_word_for_word(words: list[str]) -> None:
    assert words_of(shell_line(words).decode()) == words


@pytest.mark.parametrize(
    "command", ["", " id", "id ", "id  x", "'id'", "a;b", "a\nb", "$(id)", "`id`", "a&&b", "'", "a>b", "~", "a" * (65 << 10)]
)
def test_whatever_a_shell_would_make_more_of_is_refused(command: str) -> None:
    with pytest.raises(RefusedError, match="no shell"):
        words_of(command)


def test_it_knows_how_fleetsave_begins_a_command() -> None:
    assert words_of(killable_line(["x"]).decode()) == [*KILLABLE, "x"]
    assert shlex.join(PROBE) == "printf %s 'fleetsave: commands run here'"


def test_the_script_reads_the_allowed_request_and_then_the_client() -> None:
    with subprocess.Popen([sys.executable, "-c", "print('rest')"], stdout=subprocess.PIPE) as process:
        given_input = GateInput(b"request\n", process.stdout)
        assert given_input.buffer.readline() == b"request\n"
        assert given_input.buffer.readline() == b"rest\n"
        assert given_input.buffer.read1(10) == b""


@pytest.mark.parametrize("process", ["", "-1", "1", "0x1", "99999999999", "1 2", "²"])
def test_no_process_is_ended_but_another_gate(process: str) -> None:
    with pytest.raises(RefusedError):
        end_other_gate(process)
