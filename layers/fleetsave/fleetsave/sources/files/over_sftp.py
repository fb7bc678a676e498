"""An archive of folders on a server that gives SFTP alone, made on our side by what makes it on other servers."""

import platform
import secrets
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

from fleetsave.model.archives import ArchiveOrder, ArchiveReport, ManifestReport
from fleetsave.sources.files.archive import archive_report, too_slow
from fleetsave.sources.files.packed_manifest import PackedManifest
from fleetsave.sources.files.refusals import archive_refusal
from fleetsave.sources.files.server_side.archive_writer import ArchiveWriter
from fleetsave.sources.files.server_side.tar_members import MemberMeta
from fleetsave.sources.files.sftp_tree import SftpTree
from fleetsave.sources.sqlite.server_side.ground import RefusedError
from fleetsave.transports.sftp import SftpSession
from fleetsave.transports.ssh import SshTransport

METHOD = "archive_over_sftp"
NOTES = [
    "made over SFTP, which tells of no hard links, holes, extended attributes, owners' names and parts of a second",
    "a hard link is archived as a file of its own, a hole as zeros",
]


class SftpArchive:
    """The port `LiveArchive` over a session. Raise CaptureError if one of the folders cannot be listed."""

    def __init__(self, session: SftpSession, order: ArchiveOrder, should_stop: Callable[[], bool]) -> None:
        self._order = order
        self._should_stop = should_stop
        self._started = time.monotonic()
        self._writer = ArchiveWriter(secrets.token_hex(16))
        self._manifest = PackedManifest(order.source_path)
        self._beside = b""
        self._seconds = 0.0
        try:
            self._trees = [SftpTree(session, part, self._writer, self._check) for part in order.trees]
        except RefusedError as error:
            raise archive_refusal(order.source_path, error.reason, error.cause) from None

    @property
    def beside(self) -> bytes:
        """Return the manifest, compressed by zstd."""
        return self._beside

    def chunks(self) -> Generator[bytes]:
        """Yield the archive's bytes. Raise CaptureError if the time is up before its end."""
        for tree in self._trees:
            for piece in tree.pieces():
                self._check()
                yield piece
        self._writer.begin_manifest(MemberMeta(0o600, 0, 0, "", "", int(time.time()) * 1_000_000_000, {}))
        yield from self._writer.rest()
        for piece in self._writer.manifest():
            self._manifest.add(piece)
            yield piece
        self._writer.end()
        yield from self._writer.rest()
        self._beside = self._manifest.frame()
        self._seconds = round(time.monotonic() - self._started, 6)

    def report(self, beside_key: str, sha256: str) -> ArchiveReport:
        """Return how it was taken. Raise CaptureError if `sha256` is not that of what was given."""
        reply = self._writer.report()
        if reply["sha256"] != sha256:
            raise archive_refusal(self._order.source_path, "altered_in_transit", f"sha256 {sha256} is not {reply['sha256']}")
        values = {**reply, "runtime": f"python {platform.python_version()}", "seconds": self._seconds, "notes": NOTES}
        manifest = ManifestReport(beside_key, self._manifest.sha256, self._manifest.size)
        return archive_report(values, self._order.source_path, method=METHOD, sha256_origin="collector", manifest=manifest)

    def _check(self) -> None:
        if self._should_stop():
            raise too_slow(self._order.source_path, self._writer.position)
        if time.monotonic() - self._started > self._order.deadline:
            raise archive_refusal(self._order.source_path, "deadline", f"it took longer than {self._order.deadline:g} s")


@contextmanager
def archive_over_sftp(transport: SshTransport, order: ArchiveOrder, should_stop: Callable[[], bool]) -> Iterator[SftpArchive]:
    """Lend an archive that is made here of what SFTP gives. Raise CaptureError, `sftp_only`, if it is to hold databases."""
    if order.databases:
        raise archive_refusal(order.source_path, "sftp_only", "a live database cannot be copied safely over SFTP alone")
    with transport.browse() as session:
        yield SftpArchive(session, order, should_stop)
