"""The SFTP client against OpenSSH's own server program, and against servers that answer as the protocol lets them."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISREG

import pytest

from fleetsave.model.errors import TransportError
from fleetsave.transports.base import CommandResult
from fleetsave.transports.sftp import NO_SUCH_FILE, SftpSession, SftpStatusError
from tests.fakes.fake_transport import FakeProcess

CONTENT = os.urandom(5_000_000)
DATA, HANDLE, STATUS, VERSION = 103, 102, 101, 2
END, FAILURE = 1, 4


@pytest.fixture
def session() -> Iterator[SftpSession]:
    process = FakeProcess(["/usr/lib/openssh/sftp-server"])
    yield SftpSession(process, "here", stall_seconds=5)
    process.kill()


def test_files_and_folders_are_described(session: SftpSession, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"12345")
    os.utime(tmp_path / "data", (1, 1700000000))
    file = session.stat(os.fsencode(tmp_path / "data"))
    assert S_ISREG(file.mode)
    assert (file.size, file.modified) == (5, 1700000000)
    assert S_ISDIR(session.stat(os.fsencode(tmp_path)).mode)
    with pytest.raises(SftpStatusError) as caught:
        session.stat(b"/nowhere")
    assert caught.value.code == NO_SUCH_FILE


def test_names_are_bytes_and_a_large_folder_comes_whole(session: SftpSession, tmp_path: Path) -> None:
    names = {b"\xff\xfe", b"new\nline", *[b"file-%d" % number for number in range(500)]}
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    found = dict(session.entries(os.fsencode(tmp_path)))
    assert set(found) == names | {b".", b".."}
    assert S_ISREG(found[b"\xff\xfe"].mode)


def test_links_are_described_themselves_and_say_where_they_lead(session: SftpSession, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to(os.fsdecode(b"not utf-8 \xff"))
    assert S_ISLNK(session.lstat(os.fsencode(tmp_path / "link")).mode)
    assert session.readlink(os.fsencode(tmp_path / "link")) == b"not utf-8 \xff"
    with pytest.raises(SftpStatusError):
        session.readlink(os.fsencode(tmp_path / "file"))
    status = (tmp_path / "file").stat()
    described = session.lstat(os.fsencode(tmp_path / "file"))
    assert (described.uid, described.gid, described.size) == (status.st_uid, status.st_gid, 5)


@pytest.mark.parametrize(("offset", "length"), [(0, 5_000_000), (1, 4_999_999), (32767, 32770), (4_999_999, 1), (70_000, 0)])
def test_a_range_is_read_in_order(session: SftpSession, tmp_path: Path, offset: int, length: int) -> None:
    (tmp_path / "data").write_bytes(CONTENT)
    assert b"".join(session.read(os.fsencode(tmp_path / "data"), offset, length)) == CONTENT[offset : offset + length]


def test_a_read_past_the_end_ends_there_and_leaves_the_session_in_order(session: SftpSession, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(CONTENT)
    assert b"".join(session.read(os.fsencode(tmp_path / "data"), 4_900_000, 900_000)) == CONTENT[4_900_000:]
    assert b"".join(session.read(os.fsencode(tmp_path / "data"), 9_000_000, 10)) == b""
    assert session.stat(os.fsencode(tmp_path / "data")).size == len(CONTENT)


class ScriptedServer:
    """A process that speaks SFTP: answers reads of CONTENT at most `largest` bytes at a time, `held` reads late and reversed."""

    def __init__(
        self, *, largest: int = 1 << 20, held: int = 1, fail_at: int | None = None, version: bytes | None = None
    ) -> None:
        self._largest, self._held, self._fail_at = largest, held, fail_at
        self._version = version or packet(VERSION, struct.pack(">I", 3))
        self._waiting: list[bytes] = []
        self._output = bytearray()

    def write(self, data: bytes) -> None:
        kind, body = data[4], data[5:]
        request = body[:4]
        if kind == 1:
            self._output += self._version
        elif kind == 3:
            self._output += packet(HANDLE, request + struct.pack(">I", 1) + b"h")
        elif kind == 5:
            offset, size = struct.unpack(">QI", body[9:21])
            chunk = CONTENT[offset : offset + min(size, self._largest)]
            if self._fail_at is not None and offset >= self._fail_at:
                answer = packet(STATUS, request + struct.pack(">II", FAILURE, 4) + b"disk" + struct.pack(">I", 0))
            elif chunk:
                answer = packet(DATA, request + struct.pack(">I", len(chunk)) + chunk)
            else:
                answer = packet(STATUS, request + struct.pack(">I", END))
            self._waiting.append(answer)
        else:
            self._output += packet(STATUS, request + struct.pack(">I", 0))
        if len(self._waiting) >= self._held:
            self._release()

    def _release(self) -> None:
        self._output += b"".join(reversed(self._waiting))
        self._waiting.clear()

    def read(self, size: int, *, timeout: float) -> bytes:  # noqa: ARG002 - part of the port
        if not self._output:
            self._release()
        data = bytes(self._output[:size])
        del self._output[:size]
        return data

    def close_input(self) -> None:
        raise AssertionError("not part of SFTP")

    def read_line(self, *, timeout: float) -> bytes:
        raise AssertionError(f"not part of SFTP: {timeout}")

    def wait(self, *, timeout: float) -> CommandResult:
        raise AssertionError(f"not part of SFTP: {timeout}")

    def kill(self) -> None:
        raise AssertionError("not part of SFTP")


def packet(kind: int, body: bytes) -> bytes:
    return struct.pack(">IB", len(body) + 1, kind) + body


@pytest.mark.parametrize(
    "server",
    [ScriptedServer(largest=1000), ScriptedServer(held=7), ScriptedServer(largest=30_000, held=64), ScriptedServer(held=1000)],
    ids=["short answers", "other order", "both", "all at the last moment"],
)
def test_short_and_reordered_answers_make_the_same_bytes(server: ScriptedServer) -> None:
    session = SftpSession(server, "scripted", stall_seconds=1)
    assert b"".join(session.read(b"data", 3, 900_000)) == CONTENT[3:900_003]


def test_a_failure_in_the_middle_comes_after_all_bytes_before_it() -> None:
    session = SftpSession(ScriptedServer(fail_at=32768 * 3), "scripted", stall_seconds=1)
    received = b""
    with pytest.raises(SftpStatusError, match="disk"):  # noqa: PT012 - what came before the error counts too
        for chunk in session.read(b"data", 0, 900_000):
            received += chunk
    assert received == CONTENT[: 32768 * 3]


@pytest.mark.parametrize("version", [b"Welcome, backup user!\n", packet(STATUS, bytes(4)), b"\0\0\0\0", b"\0\0"])
def test_what_is_not_sftp_is_said_to_be_so(version: bytes) -> None:
    with pytest.raises(TransportError, match="it sent"):
        SftpSession(ScriptedServer(version=version), "scripted", stall_seconds=1)
