"""A small SFTP client (protocol version 3, draft-ietf-secsh-filexfer-02): names as bytes, reads pipelined, every wait bounded.

paramiko's own client decodes names strictly, so one name that is not UTF-8 hides a whole folder, and its prefetching keeps
what it has read without a limit and in threads of its own.
"""

import struct
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from fleetsave.model.errors import TransportError
from fleetsave.transports.base import Process

_INIT, _VERSION, _OPEN, _CLOSE, _READ, _LSTAT, _OPENDIR, _READDIR, _STAT, _READLINK = 1, 2, 3, 4, 5, 7, 11, 12, 17, 19
_STATUS, _HANDLE, _DATA, _NAME, _ATTRS = 101, 102, 103, 104, 105
END_OF_FILE, NO_SUCH_FILE, PERMISSION_DENIED, _BAD_MESSAGE = 1, 2, 3, 5
_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES, _HAS_MORE = 1, 2, 4, 8, 0x80000000
_LARGEST_PACKET = 1 << 20
_REQUEST = 32 << 10  # the most that every server must be able to return at once
_REQUESTS = 64  # in flight: 2 MiB, which is also all the memory a read takes


class SftpStatusError(Exception):
    """The server answered a request with a status: `code` as in the protocol, e.g. NO_SUCH_FILE."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Attributes:
    """What a server tells of a file: `mode` with its type bits (0 if it tells none), `size` in bytes, `modified` since 1970.

    Owner and group are numbers; names, holes, hard links and parts of a second are not in the protocol.
    """

    mode: int
    size: int
    modified: float
    uid: int = 0
    gid: int = 0


class SftpSession:
    """SFTP over a process that speaks it: the subsystem of an SSH server, or a program.

    Raise SftpStatusError for what the server refuses, StalledError after `stall_seconds` of silence, TransportError if the
    connection breaks or the answers make no sense.
    """

    def __init__(self, process: Process, target: str, *, stall_seconds: float) -> None:
        self._process = process
        self._target = target
        self._stall_seconds = stall_seconds
        self._buffer = bytearray()
        self._last_id = 0
        with suppress(TransportError):  # what has ended already speaks no SFTP, or the connection broke: the answer tells which
            self._send(_INIT, struct.pack(">I", 3))
        kind, _ = self._receive()
        if kind != _VERSION:
            raise self._nonsense(f"packet {kind} instead of a version")

    def stat(self, path: bytes) -> Attributes:
        """Describe a file, following links."""
        answer = self._ask(_STAT, _string(path), _ATTRS)
        return answer.attributes()

    def lstat(self, path: bytes) -> Attributes:
        """Describe what stands at a path, a link itself."""
        return self._ask(_LSTAT, _string(path), _ATTRS).attributes()

    def readlink(self, path: bytes) -> bytes:
        """Return what a symbolic link says."""
        answer = self._ask(_READLINK, _string(path), _NAME)
        if answer.number() != 1:
            raise self._nonsense("other than one name for a link")
        return answer.string()

    def close(self) -> None:
        """End the session; closing twice is no error."""
        self._process.kill()

    def entries(self, folder: bytes) -> Iterator[tuple[bytes, Attributes]]:
        """Return the names in a folder with what they are themselves, links not followed; "." and ".." are among them."""
        handle = self._ask(_OPENDIR, _string(folder), _HANDLE).string()
        while True:
            try:
                answer = self._ask(_READDIR, _string(handle), _NAME)
            except SftpStatusError as error:
                if error.code != END_OF_FILE:
                    raise
                break
            for _ in range(answer.number()):
                name = answer.string()
                answer.string()  # the line `ls -l` would show
                yield name, answer.attributes()
        self._close(handle)

    def read(self, path: bytes, offset: int, length: int) -> Iterator[bytes]:
        """Read a range in order, in chunks of at most 32 KiB; it ends where the file ends, if that is sooner."""
        handle = self._ask(_OPEN, _string(path) + struct.pack(">II", 1, 0), _HANDLE).string()
        asked = offset
        end = offset + length
        in_flight: deque[tuple[int, int, int]] = deque()  # request id, offset, length, in the order asked
        early: dict[int, bytes | SftpStatusError] = {}  # answers that came before their turn
        while True:
            while asked < end and len(in_flight) < _REQUESTS:
                size = min(_REQUEST, end - asked)
                in_flight.append((self._ask_read(handle, asked, size), asked, size))
                asked += size
            if not in_flight:
                break
            request, position, size = in_flight.popleft()
            try:
                data = self._data_of(request, early)
            except SftpStatusError:
                self._forget([number for number, _, _ in in_flight], early)
                self._close(handle)
                raise
            if not data:
                break
            yield data
            if len(data) < size:  # a short answer is no end: ask for the rest, before anything else
                rest = position + len(data)
                in_flight.appendleft((self._ask_read(handle, rest, size - len(data)), rest, size - len(data)))
        self._forget([number for number, _, _ in in_flight], early)
        self._close(handle)

    def _ask_read(self, handle: bytes, offset: int, size: int) -> int:
        return self._request(_READ, _string(handle) + struct.pack(">QI", offset, size))

    def _data_of(self, request: int, early: dict[int, bytes | SftpStatusError]) -> bytes:
        """Return what a read request brought, b"" at the end of the file."""
        while request not in early:
            kind, answer = self._receive()
            number = answer.number()
            try:
                early[number] = answer.expect(kind, _DATA).string()
            except SftpStatusError as error:
                early[number] = b"" if error.code == END_OF_FILE else error
        data = early.pop(request)
        if isinstance(data, SftpStatusError):
            raise data
        return data

    def _forget(self, requests: list[int], early: dict[int, bytes | SftpStatusError]) -> None:
        """Take in the answers that are still to come, whatever they are, so that the session can go on."""
        for request in requests:
            with suppress(SftpStatusError):
                self._data_of(request, early)

    def _close(self, handle: bytes) -> None:
        self._ask(_CLOSE, _string(handle), _STATUS)

    def _ask(self, kind: int, body: bytes, expected: int) -> "_Answer":
        request = self._request(kind, body)
        got, answer = self._receive()
        if answer.number() != request:
            raise self._nonsense("an answer to another request")
        return answer.expect(got, expected)

    def _request(self, kind: int, body: bytes) -> int:
        self._last_id = (self._last_id + 1) & 0xFFFFFFFF
        self._send(kind, struct.pack(">I", self._last_id) + body)
        return self._last_id

    def _send(self, kind: int, body: bytes) -> None:
        self._process.write(struct.pack(">IB", len(body) + 1, kind) + body)

    def _receive(self) -> tuple[int, "_Answer"]:
        size = int.from_bytes(self._exactly(4), "big")
        if not 1 <= size <= _LARGEST_PACKET:
            raise self._nonsense(f"a packet of {size} bytes")
        packet = self._exactly(size)
        return packet[0], _Answer(packet[1:])

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            data = self._process.read(256 << 10, timeout=self._stall_seconds)
            if not data:
                raise self._nonsense("the end, in the middle of an answer")
            self._buffer += data
        packet = bytes(self._buffer[:size])
        del self._buffer[:size]
        return packet

    def _nonsense(self, what: str) -> TransportError:
        return TransportError(
            "use SFTP on",
            self._target,
            f"it sent {what}",
            "Let sshd have `Subsystem sftp internal-sftp`, and the account's start-up files write nothing.",
        )


class _Answer:
    """The fields of one packet, read one after the other."""

    def __init__(self, packet: bytes) -> None:
        self._packet = packet
        self._position = 0

    def expect(self, kind: int, expected: int) -> "_Answer":
        """Return this answer if it is of the expected kind; raise SftpStatusError for any other, and for a refusal."""
        if kind == _STATUS:
            code = self.number()
            if code or expected != _STATUS:
                message = self.string() if self._position < len(self._packet) else b""
                raise SftpStatusError(code, message.decode("utf-8", "backslashreplace"))
        elif kind != expected:
            raise SftpStatusError(_BAD_MESSAGE, f"packet {kind} where {expected} was due")
        return self

    def number(self) -> int:
        return int.from_bytes(self._bytes(4), "big")

    def string(self) -> bytes:
        return self._bytes(self.number())

    def attributes(self) -> Attributes:
        flags = self.number()
        size = int.from_bytes(self._bytes(8), "big") if flags & _HAS_SIZE else 0
        uid, gid = (self.number(), self.number()) if flags & _HAS_OWNER else (0, 0)
        mode = self.number() if flags & _HAS_MODE else 0
        modified = self._times() if flags & _HAS_TIMES else 0
        for _ in range(self.number() if flags & _HAS_MORE else 0):
            self.string()
            self.string()
        return Attributes(mode, size, float(modified), uid, gid)

    def _times(self) -> int:
        self._bytes(4)  # when it was last read
        return self.number()

    def _bytes(self, size: int) -> bytes:
        end = self._position + size
        if end > len(self._packet):
            raise SftpStatusError(_BAD_MESSAGE, "an answer that is cut short")
        data = self._packet[self._position : end]
        self._position = end
        return data


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
