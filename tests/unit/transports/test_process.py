import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.errors import InvalidInputError
from fleetsave.transports.process import killable_line, shell_line

WORDS = st.lists(st.binary(max_size=20).filter(lambda word: 0 not in word), max_size=4)


@given(WORDS)
def test_a_shell_makes_of_the_line_exactly_the_words(words: list[bytes]) -> None:
    line = shell_line(["printf", "%s\\0", *[word.decode("utf-8", "surrogateescape") for word in words]])
    output = subprocess.run([b"sh", b"-c", line], capture_output=True, check=True).stdout
    assert output == b"".join(word + b"\0" for word in words or [b""])


def test_a_killable_line_tells_its_process_and_becomes_the_command() -> None:
    with subprocess.Popen(
        ["sh", "-c", b"exec " + killable_line(["sh", "-c", 'echo "$$" "$1"', "sh", "a b"])], stdout=-1
    ) as child:
        output, _ = child.communicate()
    assert output.decode().splitlines() == [f"{child.pid}", f"{child.pid} a b"]


def test_a_zero_byte_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="zero byte"):
        shell_line(["printf", "a\0b"])
