"""One range of a remote file over one connection, by the quickest way the account has."""

from collections.abc import Generator

from fleetsave.model.errors import RemoteFileError, TransportError
from fleetsave.transports.connection import Connection
from fleetsave.transports.process import ChannelProcess, shell_line
from fleetsave.transports.sftp import SftpSession, SftpStatusError

_BLOCK = 128 << 10
_CHUNK = 1 << 20


def encoded_path(path: str) -> bytes:
    """Return the bytes of a path; what is not UTF-8 in it stands as surrogates."""
    return path.encode("utf-8", "surrogateescape")


def open_sftp(connection: Connection) -> SftpSession:
    """Return a new SFTP session. Raise TransportError if the server has none to offer."""
    process = ChannelProcess(connection.sftp(), connection, "SFTP")
    return SftpSession(process, connection.target, stall_seconds=connection.stall_seconds)


def file_error(connection: Connection, operation: str, path: str, cause: str) -> RemoteFileError:
    """Return the error for a path that the server does not give."""
    return RemoteFileError(
        f"{operation} file on {connection.target}:",
        repr(path),
        cause,
        "Check that the path is right and that the account may read it and every folder above it.",
    )


def read_with_command(connection: Connection, path: str, offset: int, length: int) -> Generator[bytes, None, None]:
    """Read a range through `dd`, which every POSIX server has: it seeks, and whole blocks make it quick.

    The blocks around the range are read too, and cut off here. Raise RemoteFileError if the range is not there, TransportError
    if the connection breaks.
    """
    first = offset // _BLOCK
    count = -(-(offset + length) // _BLOCK) - first
    line = shell_line(["dd", f"if={path}", f"bs={_BLOCK}", f"skip={first}", f"count={count}"])
    process = ChannelProcess(connection.execute(line), connection, "dd")
    ahead, remaining, surplus = offset - first * _BLOCK, length, 0
    try:
        while data := process.read(_CHUNK, timeout=connection.stall_seconds):
            if ahead:
                data, ahead = data[ahead:], max(0, ahead - len(data))
            wanted = data[:remaining]
            remaining -= len(wanted)
            surplus += len(data) - len(wanted)
            if wanted:
                yield wanted
        if remaining:
            raise _cut_short(connection, path, remaining, process)
        if surplus >= _BLOCK:
            raise TransportError(
                "run dd on",
                connection.target,
                "it gave more than was asked for",
                "Let the account's start-up files write nothing.",
            )
    finally:
        process.kill()


def read_with_sftp(connection: Connection, path: str, offset: int, length: int) -> Generator[bytes, None, None]:
    """Read a range over SFTP. Raise RemoteFileError if it is not there, TransportError if the connection breaks."""
    process = ChannelProcess(connection.sftp(), connection, "SFTP")
    remaining = length
    try:
        for chunk in SftpSession(process, connection.target, stall_seconds=connection.stall_seconds).read(
            encoded_path(path), offset, length
        ):
            remaining -= len(chunk)
            yield chunk
    except SftpStatusError as error:
        raise file_error(connection, "read", path, error.message) from error
    finally:
        process.kill()
    if remaining:
        raise file_error(connection, "read", path, f"it ended {remaining} bytes early")


def _cut_short(connection: Connection, path: str, missing: int, process: ChannelProcess) -> TransportError:
    result = process.wait(timeout=connection.stall_seconds)
    said = result.errors.decode("utf-8", "backslashreplace").strip().partition("\n")[0]
    if result.status >= 126:
        return TransportError("run dd on", connection.target, said, "Install coreutils, or use an account with SFTP alone.")
    return file_error(connection, "read", path, said if result.status else f"it ended {missing} bytes early")
