"""Faithful archives are verified by all that is in them; what a person should know of them is told."""

import base64
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import pytest
import zstandard

from fleetsave.local.sshd import SshServer
from fleetsave.model.archives import TreePart
from fleetsave.model.errors import StoreError, VerificationError
from fleetsave.model.fingerprints import Fingerprint
from fleetsave.model.fleet import Server
from fleetsave.model.keys import RecordName
from fleetsave.model.kinds import Compression
from fleetsave.model.manifests import EntryType
from fleetsave.model.records import Level, Outcome
from fleetsave.model.slots import Slot
from fleetsave.sources.over_ssh import SshSource
from fleetsave.transports.ssh import SshTransport
from fleetsave.verify.room import verify
from tests.fixtures.archive_pieces import (
    Piece,
    absent,
    database,
    database_content,
    directory,
    file,
    game_folder,
    server_with_databases,
    symlink,
)
from tests.fixtures.archives import order_of, take_archive
from tests.fixtures.hostile.altering import told_of
from tests.fixtures.stored_archives import FULL, ArchiveRoom, TakenArchive, against, assemble
from tests.fixtures.stored_backups import NOON, capture_report
from tests.fixtures.trees import hostile_tree

LATER = Slot(NOON.at + timedelta(hours=1))
INSIDE = "files/files/world/zones.sqlite"


@pytest.fixture
def room(tmp_path: Path) -> ArchiveRoom:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return ArchiveRoom(scratch)


@pytest.mark.parametrize("compression", list(Compression))
def test_a_folder_with_one_of_everything_is_equal_to_its_source(room: ArchiveRoom, compression: Compression) -> None:
    outcome = room.judge(room.put_archive(assemble(game_folder()), compression=compression))
    assert (outcome.verdict, outcome.record.level) == (RecordName.VERIFIED, Level.EQUAL_TO_SOURCE)
    assert against(outcome) == {}
    assert room.left_over() == []


def test_an_empty_folder_is_an_archive_too(room: ArchiveRoom) -> None:
    assert room.judge_new(assemble([directory("files/files")])).verdict is RecordName.VERIFIED


def test_every_database_inside_is_restored_and_asked_what_the_source_said(room: ArchiveRoom, tmp_path: Path) -> None:
    outcome = room.judge_new(assemble(server_with_databases(tmp_path)), artifact_id=FULL)
    assert (outcome.verdict, outcome.record.level) == (RecordName.VERIFIED, Level.APPLICATION)
    checks = {finding.check for finding in outcome.record.findings}
    assert {f"{name}: {check}" for name in ("databases/world.db", INSIDE) for check in ("integrity", "row_counts")} <= checks
    assert room.left_over() == []


def test_a_database_whose_name_no_record_can_hold_is_restored_all_the_same(room: ArchiveRoom, tmp_path: Path) -> None:
    content, fingerprint = database_content(tmp_path)
    piece = database("files/files/\udcff.db", content, fingerprint)
    sqlite = {**(told_of(piece).sqlite or {}), "source_path": "/srv/game/\udcff.db"}
    outcome = room.judge_new(assemble([directory("files/files"), replace(piece, entry=replace(told_of(piece), sqlite=sqlite))]))
    assert outcome.verdict is RecordName.VERIFIED


def test_a_real_tree_that_was_captured_over_ssh_is_verified(room: ArchiveRoom, ssh_server: SshServer, tmp_path: Path) -> None:
    hostile_tree(tmp_path / "game", files=300)
    (tmp_path / "game" / "players.db").write_bytes(database_content(tmp_path)[0])
    server = Server(id="server_001", ssh=ssh_server.ssh_settings(), staging=str(tmp_path / "staging"))
    with closing(SshSource(SshTransport(ssh_server.ssh_settings(), ssh_server.private_key), server)) as source:
        taken = take_archive(source, order_of(TreePart("files/files", str(tmp_path / "game"))), tmp_path / "a.tar")
        manifest = _manifest_in(taken.path.read_bytes(), taken.report.manifest.size)
        outcome = room.judge_new(TakenArchive(taken.path.read_bytes(), manifest, taken.report))
    unreadable = {"archive_problems"} if os.geteuid() else set()  # some of its files are nobody's to read but root's
    assert set(against(outcome)) == {"links_out"} | unreadable
    assert (outcome.verdict, outcome.record.level) == (RecordName.VERIFIED, Level.EQUAL_TO_SOURCE)
    assert taken.entries["files/files/players.db"].sqlite is not None
    assert {EntryType.SYMLINK, EntryType.HARDLINK} <= {entry.type for entry in taken.entries.values()}


def test_a_partial_archive_is_verified_with_a_warning_that_names_what_is_missing(room: ArchiveRoom) -> None:
    torn = file("files/files/zz", b"half", problem="changed", detail="it was written meanwhile")
    outcome = room.judge_new(assemble([*game_folder(), absent("files/files/zy", "unreadable", "no permission"), torn]))
    assert (outcome.verdict, outcome.record.level) == (RecordName.VERIFIED, Level.EQUAL_TO_SOURCE)
    warning = against(outcome)["archive_problems"]
    assert warning.outcome is Outcome.WARNING
    assert "1 changed, 1 unreadable" in warning.detail
    assert "'files/files/zy' unreadable: no permission" in warning.detail


def test_what_is_missing_by_its_nature_is_noted_without_a_warning(room: ArchiveRoom) -> None:
    outcome = room.judge_new(assemble([*game_folder(), absent("files/files/zz", "special", "a socket")]))
    assert against(outcome) == {}


def test_links_that_lead_out_are_named_and_do_not_speak_against_the_backup(room: ArchiveRoom) -> None:
    outcome = room.judge_new(assemble([*game_folder(), symlink("files/files/zz", "../../etc/passwd")]))
    assert outcome.verdict is RecordName.VERIFIED
    assert "'files/files/zz' to '../../etc/passwd'" in against(outcome)["links_out"].detail


def _damaged(content: bytes) -> bytes:
    return content[:4096] + b"\xa5" * 4096 + content[8192:]


DATABASES: dict[str, tuple[Callable[[bytes, Fingerprint], Piece], str]] = {
    "damaged before it was hashed": (lambda c, f: database(INSIDE, _damaged(c), f), f"{INSIDE}: integrity"),
    "of other rows": (
        lambda c, f: database(INSIDE, c, replace(f, row_counts={"players": 1, "ledger": 1})),
        f"{INSIDE}: row_counts",
    ),
    "of another schema": (lambda c, f: database(INSIDE, c, replace(f, schema_sha256="0" * 64)), f"{INSIDE}: schema"),
    "that is none": (lambda c, f: file(INSIDE, b"x" * len(c), sqlite=_report(b"x" * len(c), f)), f"{INSIDE}: sqlite_header"),
    "cut short": (lambda c, f: database(INSIDE, c[:-4096], f), f"{INSIDE}: sqlite_header"),
    "whose report is of another": (lambda c, f: file(INSIDE, c, sqlite=_report(c + bytes(4096), f)), f"{INSIDE}: capture_report"),
    "whose report lacks something": (lambda c, _: file(INSIDE, c, sqlite={"snapshot_id": "1"}), f"{INSIDE}: capture_report"),
    "whose report is not of numbers": (
        lambda c, f: file(INSIDE, c, sqlite=_report(c, f) | {"seconds": float("nan")}),
        f"{INSIDE}: capture_report",
    ),
    "whose check has half a character for a name": (
        lambda c, f: database(INSIDE, c, replace(f, checks={"\ud83d": [1]}, check_sql={"\ud83d": "SELECT 2"})),
        f"{INSIDE}: owner:\\ud83d",
    ),
}


def _report(content: bytes, fingerprint: Fingerprint) -> dict[str, object]:
    report = capture_report(content, fingerprint)
    return asdict(replace(report, page_size=4096, page_count=len(content) // 4096)) | {
        "journal_mode": "wal",
        "sqlite_version": "3.40",
    }


@pytest.mark.parametrize("name", DATABASES)
def test_a_database_inside_that_is_not_the_sources_is_rejected_though_every_hash_is_right(
    room: ArchiveRoom, tmp_path: Path, name: str
) -> None:
    make, check = DATABASES[name]
    outcome = room.judge_new(assemble([*game_folder(), make(*database_content(tmp_path))]))
    assert outcome.verdict is RecordName.REJECTED
    assert set(against(outcome)) == {check}
    assert room.left_over() == []


def test_rows_that_refer_to_no_row_speak_against_a_configured_database_alone(room: ArchiveRoom, tmp_path: Path) -> None:
    script = "DELETE FROM players WHERE id = 3;"
    content, fingerprint = database_content(tmp_path, script=script)
    in_folder = room.judge_new(assemble([*game_folder(), database(INSIDE, content, fingerprint)]))
    assert in_folder.verdict is RecordName.VERIFIED
    assert against(in_folder)[f"{INSIDE}: foreign_keys"].outcome is Outcome.WARNING
    configured = room.judge_new(
        assemble([database("databases/world.db", content, fingerprint), *game_folder()]), artifact_id=FULL
    )
    assert configured.verdict is RecordName.REJECTED
    assert configured.repair is None, "another capture would have them too"


def test_a_cliff_in_files_is_suspect(room: ArchiveRoom) -> None:
    before = [directory("files/files"), *(file(f"files/files/{number:03}", b"x" * 10) for number in range(100))]
    after = [directory("files/files"), file("files/files/one", b"x" * 1_000)]
    assert room.judge(room.put_archive(assemble(before))).verdict is RecordName.VERIFIED
    outcome = room.judge(room.put_archive(assemble(after), slot=LATER))
    assert outcome.verdict is RecordName.SUSPECT
    assert "100 files then, 1 now" in against(outcome)["plausibility"].detail


@pytest.mark.parametrize("where", ["archive", "manifest"])
def test_a_bit_flipped_at_rest_is_found(room: ArchiveRoom, where: str) -> None:
    key = room.put_archive(assemble(game_folder()))
    at = key.text if where == "archive" else str(key.beside_key)
    body = bytearray(room.store.get(at))
    body[len(body) // 2] ^= 1
    room.store.replace(at, bytes(body))
    outcome = room.judge(key)
    assert (outcome.verdict, outcome.record.level) == (RecordName.REJECTED, Level.ARRIVED)
    assert outcome.repair is not None


def test_a_bomb_in_the_archives_place_is_cut_off(room: ArchiveRoom) -> None:
    key = room.put_archive(assemble(game_folder()))
    room.store.replace(key.text, zstandard.compress(bytes(1 << 30)))
    outcome = room.judge(key)
    assert outcome.verdict is RecordName.REJECTED
    assert "it unpacks to more bytes than were captured" in against(outcome)["checksum"].detail


def test_a_manifest_that_is_gone_is_a_reason_to_capture_again(room: ArchiveRoom) -> None:
    key = room.put_archive(assemble(game_folder()))
    room.store.delete(str(key.beside_key))
    outcome = room.judge(key)
    assert outcome.verdict is RecordName.REJECTED
    assert "there is no object at" in against(outcome)["archive_manifest"].detail
    assert outcome.repair is not None


def test_no_verdict_is_given_where_there_is_no_time(room: ArchiveRoom) -> None:
    key = room.put_archive(assemble(game_folder()))
    room.seconds_left = 0
    with pytest.raises(VerificationError, match="took longer than"):
        verify(key, room.ports)
    assert room.records(key) == {RecordName.STORED}


def test_no_verdict_is_given_where_a_database_has_no_room(
    room: ArchiveRoom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = room.put_archive(assemble(server_with_databases(tmp_path)), artifact_id=FULL)
    monkeypatch.setattr("fleetsave.verify.scratch._RESERVE", 1 << 60)
    with pytest.raises(VerificationError, match=r"world.db' of .*too large"):
        verify(key, room.ports)
    assert room.left_over() == []


def test_what_the_store_raises_is_no_verdict(room: ArchiveRoom) -> None:
    key = room.put_archive(assemble(game_folder()))
    for call in (1, 2, 3):
        room.store.fail("read", StoreError("read", key.text, "broken", "Wait.", retryable=True), call=call)
        with pytest.raises(StoreError, match="broken"):
            verify(key, room.ports)
    assert room.records(key) == {RecordName.STORED}


def test_the_record_of_a_database_in_an_archives_place_is_no_verdict(room: ArchiveRoom) -> None:
    key = room.put_archive(assemble(game_folder()))
    record = room.catalog.stored(key)
    room.rewrite_record(key, replace(record, capture=capture_report(bytes(4096), None)))
    with pytest.raises(VerificationError, match="not that of an archive"):
        verify(key, room.ports)


def test_attributes_of_every_name_and_value_are_compared(room: ArchiveRoom) -> None:
    values = {"user.a=b%c": base64.b64encode(bytes(range(256))).decode()}
    outcome = room.judge_new(assemble([directory("files/files"), file("files/files/x", xattrs=values)]))
    assert outcome.verdict is RecordName.VERIFIED


def _manifest_in(plain: bytes, size: int) -> bytes:
    start = plain.rindex(b'{"fleetsave_manifest"')
    return plain[start : start + size]
