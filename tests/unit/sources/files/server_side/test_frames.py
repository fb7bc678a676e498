"""What the wire carries, and that it is never silent while the server is at work."""

import io
import json
import time

from fleetsave.sources.files.server_side.frames import DATA_FRAME, FrameWriter


def test_frames_are_a_kind_a_length_and_a_payload_and_the_last_is_the_reply() -> None:
    output = io.BytesIO()
    frames = FrameWriter(output)
    frames.begin()
    frames.write(DATA_FRAME, b"abc")
    frames.end({"ok": {}})
    line, _, rest = output.getvalue().partition(b"\n")
    assert json.loads(line) == {"fleetsave": 1, "ok": {"stream": True}}
    assert rest == b"D\0\0\0\3abc" + b"E\0\0\0\x1a" + b'{"fleetsave": 1, "ok": {}}'


def test_it_says_that_it_is_at_work_while_nothing_else_is_said() -> None:
    output = io.BytesIO()
    frames = FrameWriter(output, quiet_seconds=0.03)
    frames.begin()
    deadline = time.monotonic() + 10
    while output.getvalue().count(b"K\0\0\0\0") < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    frames.end({"ok": {}})
    assert output.getvalue().count(b"K\0\0\0\0") >= 2


class Broken(io.BytesIO):
    """An output whose reader goes away after the first line."""

    def write(self, data: object) -> int:
        if self.tell():
            raise BrokenPipeError
        return super().write(data)  # type: ignore[arg-type]  # the frames write bytes alone


def test_saying_so_to_nobody_is_no_failure_of_its_own() -> None:
    frames = FrameWriter(Broken(), quiet_seconds=0.01)
    frames.begin()
    frames._thread.join(timeout=10)
    assert not frames._thread.is_alive()
