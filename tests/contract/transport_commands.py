"""What every transport must do with commands: run them exactly, or refuse them at once."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fleetsave.model.errors import InvalidInputError, StalledError, TransportError
from tests.contract.transport import CONTENT, HOSTILE_NAMES, Place


class CommandContract:
    """Running commands: what accounts with a shell give besides."""

    def test_it_says_that_commands_run(self, place: Place) -> None:
        assert place.transport.can_execute

    def test_output_errors_and_status_are_told_apart(self, place: Place) -> None:
        result = place.transport.run(["sh", "-c", "printf out; printf err >&2; exit 7"], timeout=10)
        assert (result.status, result.output, result.errors) == (7, b"out", b"err")

    @pytest.mark.parametrize("word", [*HOSTILE_NAMES, "", "''"], ids=ascii)
    def test_a_word_arrives_byte_for_byte(self, place: Place, word: str) -> None:
        assert place.transport.run(["printf", "%s", word], timeout=10).output == os.fsencode(word)

    def test_a_word_with_a_zero_byte_is_refused(self, place: Place) -> None:
        with pytest.raises(InvalidInputError, match="zero byte"):
            place.transport.run(["printf", "a\0b"], timeout=10)

    def test_a_missing_program_has_status_127(self, place: Place) -> None:
        result = place.transport.run(["no-such-program"], timeout=10)
        assert result.status == 127
        assert b"no-such-program" in result.errors

    @pytest.mark.parametrize("size", [0, 1, 5 << 20])
    def test_input_and_output_are_binary_and_of_any_size(self, place: Place, size: int) -> None:
        data = (CONTENT * 2)[:size]
        assert place.transport.run(["cat"], stdin=data, timeout=20).output == data

    def test_much_error_output_stops_nothing(self, place: Place) -> None:
        result = place.transport.run(["sh", "-c", "head -c 9000000 /dev/zero >&2; printf done"], timeout=20)
        assert (len(result.errors), result.output) == (9000000, b"done")

    def test_a_command_need_not_read_its_input(self, place: Place) -> None:
        assert place.transport.run(["sh", "-c", "exit 4"], stdin=bytes(5 << 20), timeout=10).status == 4

    def test_more_output_than_the_limit_is_refused(self, place: Place) -> None:
        with pytest.raises(TransportError, match="more than 16 MiB"):
            place.transport.run(["head", "-c", "17000000", "/dev/zero"], timeout=20)

    def test_a_command_over_its_time_is_stalled_and_ended(self, place: Place) -> None:
        mark = place.path("pid")
        with pytest.raises(StalledError) as caught:
            place.transport.run(["sh", "-c", f"echo $$ > '{mark}'; exec sleep 60"], timeout=0.5)
        assert caught.value.retryable
        _wait_for_the_end_of(int((place.here / "pid").read_text()))

    def test_a_command_killed_by_a_signal_is_an_error(self, place: Place) -> None:
        with pytest.raises(TransportError, match="signal"):
            place.transport.run(["sh", "-c", "kill -9 $$"], timeout=10)

    def test_a_conversation_goes_line_by_line(self, place: Place) -> None:
        process = place.transport.start(["sh", "-c", 'while read -r line; do echo "got $line"; done; echo end; exit 5'])
        process.write(b"one\n")
        assert process.read_line(timeout=5) == b"got one\n"
        process.write(b"two\nthree\n")
        assert process.read_line(timeout=5) == b"got two\n"
        process.close_input()
        result = process.wait(timeout=5)
        assert (result.status, result.output) == (5, b"got three\nend\n")

    def test_silence_is_a_stall_and_what_comes_later_is_still_there(self, place: Place) -> None:
        process = place.transport.start(["sh", "-c", "printf a; sleep 0.7; printf b; exec sleep 60"])
        assert process.read(10, timeout=5) == b"a"
        started = time.monotonic()
        with pytest.raises(StalledError):
            process.read(10, timeout=0.2)
        with pytest.raises(StalledError):
            process.read_line(timeout=0.2)
        assert time.monotonic() - started < 2
        assert process.read(10, timeout=5) == b"b"
        process.kill()

    def test_the_end_of_output_is_empty_and_stays_so(self, place: Place) -> None:
        process = place.transport.start(["printf", "abc"])
        assert process.read(2, timeout=5) == b"ab"
        assert process.read(2, timeout=5) == b"c"
        assert process.read(2, timeout=5) == process.read(2, timeout=5) == b""
        assert process.wait(timeout=5).status == 0

    def test_output_that_ends_without_the_line_is_an_error(self, place: Place) -> None:
        process = place.transport.start(["printf", "half"])
        with pytest.raises(TransportError, match="ended where a line was due"):
            process.read_line(timeout=5)
        process.kill()

    def test_a_line_of_more_than_a_mebibyte_is_refused(self, place: Place) -> None:
        process = place.transport.start(["head", "-c", "1200000", "/dev/zero"])
        with pytest.raises(TransportError, match="wrote a line of more than"):
            process.read_line(timeout=5)
        process.kill()

    def test_a_killed_command_ends_and_killing_twice_is_no_error(self, place: Place) -> None:
        process = place.transport.start(["sh", "-c", "echo $$; exec sleep 60"])
        pid = int(process.read_line(timeout=5))
        process.kill()
        process.kill()
        _wait_for_the_end_of(pid)

    def test_a_command_killed_before_anything_was_read_ends(self, place: Place) -> None:
        mark = place.path("pid")
        process = place.transport.start(["sh", "-c", f"echo $$ > '{mark}'; exec sleep 60"])
        _wait_until(lambda: (place.here / "pid").exists() and bool((place.here / "pid").read_text()))
        process.kill()
        _wait_for_the_end_of(int((place.here / "pid").read_text()))

    def test_files_are_read_while_a_command_runs(self, place: Place) -> None:
        process = place.transport.start(["cat"])
        path = place.make("data", CONTENT)
        assert place.read(path, 0, len(CONTENT)) == CONTENT
        process.write(b"still here\n")
        assert process.read_line(timeout=5) == b"still here\n"
        process.kill()


class RefusedCommandContract:
    """Accounts without a shell say so, at once."""

    def test_it_says_that_no_commands_run(self, place: Place) -> None:
        assert not place.transport.can_execute

    def test_commands_are_refused(self, place: Place) -> None:
        for call in (lambda: place.transport.run(["true"], timeout=5), lambda: place.transport.start(["true"])):
            with pytest.raises(TransportError, match="SFTP alone") as caught:
                call()
            assert not caught.value.retryable


def _wait_for_the_end_of(pid: int) -> None:
    _wait_until(lambda: not Path(f"/proc/{pid}").exists())


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 5 s"
        time.sleep(0.02)
