"""An archive made here of what SFTP gives says so, and is refused by name where it cannot be."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
import zstandard

from fleetsave.model.archives import ArchiveOrder, DatabasePart, TreePart
from fleetsave.model.errors import CaptureError
from fleetsave.sources.files.over_sftp import archive_over_sftp
from fleetsave.transports.sftp import SftpSession
from fleetsave.transports.ssh import SshTransport
from tests.fakes.fake_transport import FakeProcess
from tests.fixtures.archives import never, order_of


class Browsing:
    """As much of a transport as lends a session: OpenSSH's own SFTP program, run here."""

    @contextmanager
    def browse(self) -> Iterator[SftpSession]:
        session = SftpSession(FakeProcess(["/usr/lib/openssh/sftp-server"]), "here", stall_seconds=5)
        try:
            yield session
        finally:
            session.close()


def taken(order: ArchiveOrder) -> tuple[bytes, list[str], str]:
    """Return the archive, its notes, and its manifest."""
    with archive_over_sftp(cast(SshTransport, Browsing()), order, never) as live:
        content = b"".join(live.chunks())
        report = live.report("key", hashlib.sha256(content).hexdigest())
        with pytest.raises(CaptureError, match="is not"):
            live.report("key", "0" * 64)
        return content, report.notes, zstandard.decompress(live.beside).decode()


def refusal(order: ArchiveOrder) -> CaptureError:
    with pytest.raises(CaptureError) as refused:
        taken(order)
    return refused.value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "game").mkdir()
    (tmp_path / "game" / "file").write_bytes(b"content")
    return tmp_path / "game"


def test_its_notes_tell_what_it_could_not_see(folder: Path) -> None:
    content, notes, manifest = taken(order_of(TreePart("files/game", str(folder))))
    assert b"content" in content
    assert '"path":"files/game/file"' in manifest
    assert any("hard link" in note for note in notes)


def test_databases_are_never_copied_over_it(folder: Path) -> None:
    database = DatabasePart("databases/a.db", "/a.db", {}, 1, 1)
    assert refusal(order_of(TreePart("files/game", str(folder)), databases=(database,))).reason == "sftp_only"


def test_a_folder_that_is_not_there_is_refused_before_anything_is_read(folder: Path) -> None:
    refused = refusal(order_of(TreePart("files/game", str(folder)), TreePart("files/other", f"{folder}/nowhere")))
    assert (refused.reason, refused.target) == ("missing", f"{folder}/nowhere")


def test_its_deadline_ends_it(folder: Path) -> None:
    assert refusal(order_of(TreePart("files/game", str(folder)), deadline=0)).reason == "deadline"
