"""An archive that the on-server script makes, over whatever runs the server's Python."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict

from fleetsave.model.archives import ArchiveOrder
from fleetsave.model.errors import FleetsaveError, TransportError
from fleetsave.model.fleet import Server
from fleetsave.sources.files import server_side
from fleetsave.sources.files.archive import STALL_SECONDS, ArchiveStream
from fleetsave.sources.files.refusals import archive_refusal
from fleetsave.sources.sqlite.remote_python import RemotePython
from fleetsave.transports.base import Transport


@contextmanager
def archive_by_script(
    transport: Transport, server: Server, order: ArchiveOrder, should_stop: Callable[[], bool]
) -> Iterator[ArchiveStream]:
    """Lend an archive that is being made there. Raise NoPythonError if no Python there can run the script, or TransportError."""
    RemotePython(transport, server, order.source_path, archive_refusal).call("probe")
    python = RemotePython(transport, server, order.source_path, archive_refusal, server_side.message)
    process = python.begin("archive", **asdict(order))
    try:
        yield ArchiveStream(lambda size: process.read(size, timeout=STALL_SECONDS), order, should_stop)
    except TransportError:
        raise  # nothing can be said to the server any more: what it had frozen is swept a day later
    except BaseException:
        process.kill()
        with suppress(FleetsaveError):
            RemotePython(transport, server, order.source_path).call("drop", name=order.name)
        raise
    finally:
        process.kill()
