"""What of an archive a request means, where it may go, and what is refused before anybody is asked."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fleetsave.model.errors import InvalidInputError, RecoveryRefusedError
from fleetsave.model.fleet import Fleet
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.kinds import Kind
from fleetsave.model.records import Level, VerdictRecord
from fleetsave.model.recoveries import Reason
from fleetsave.model.recovery_records import RecoveryPlan, RecoveryRequest
from fleetsave.planning.archive_plan import EVERYTHING, chosen_and_away
from fleetsave.planning.plan import make_plan
from tests.fixtures.archive_pieces import absent, directory, file, game_folder, server_with_databases, symlink
from tests.fixtures.stored_archives import FILES, FULL, ArchiveRoom, assemble
from tests.fixtures.stored_backups import NOON, NOW, make_database
from tests.unit.planning.requests import SSH

HTTPS = {"url": "https://game.example.net", "token_secret": "fleetsave/https/read-a"}


def fleet(*, reached: dict[str, Any] | None = None, **files: Any) -> Fleet:
    server = {
        "id": "server_001", "files": [{"path": "/srv/game", **files}], "full": {},
        "databases": [{"name": "world", "path": "/srv/game/world.db"}], **(reached or {"ssh": SSH}),
    }  # fmt: skip
    other = {"id": "server_002", "ssh": SSH, "files": [{"path": "/srv/elsewhere"}]}
    return Fleet.model_validate({"servers": [server, other]})


@pytest.fixture
def room(tmp_path: Path) -> ArchiveRoom:
    return ArchiveRoom(tmp_path)


@pytest.fixture
def files(room: ArchiveRoom) -> BackupKey:
    return verified(room, room.put_archive(assemble(game_folder())))


@pytest.fixture
def full(room: ArchiveRoom, tmp_path: Path) -> BackupKey:
    return verified(room, room.put_archive(assemble(server_with_databases(tmp_path)), artifact_id=FULL))


def verified(room: ArchiveRoom, key: BackupKey) -> BackupKey:
    record = VerdictRecord(key.text, RecordName.VERIFIED, Level.EQUAL_TO_SOURCE, [], "", "", "", NOW, 0, "0")
    room.catalog.append(key, RecordName.VERIFIED, record)
    return key


def ask(key: BackupKey, **changes: Any) -> RecoveryRequest:
    kind = key.artifact_id.kind
    return replace(RecoveryRequest("server_001", kind, "server_001", "somebody", "1" * 64, backup_key=key.text), **changes)


def plan(room: ArchiveRoom, key: BackupKey, of: Fleet | None = None, **changes: Any) -> RecoveryPlan:
    return make_plan(ask(key, **changes), of or fleet(), room.catalog)


def refused(room: ArchiveRoom, key: BackupKey, of: Fleet | None = None, **changes: Any) -> str:
    with pytest.raises(RecoveryRefusedError) as caught:
        plan(room, key, of, **changes)
    assert caught.value.hint
    return caught.value.reason


def test_a_set_goes_back_as_a_whole_to_its_folder(room: ArchiveRoom, files: BackupKey) -> None:
    made = plan(room, files)
    assert (made.kind, made.target_path, made.artifact, made.safety_artifact) == (
        Kind.FILES,
        "/srv/game",
        "files",
        "safety-files",
    )
    assert made.selection is not None
    assert (made.selection.root, made.selection.entries, made.selection.is_whole) == ("files/files", 10, True)
    assert made.steps
    assert any("no stop command" in warning for warning in made.warnings)


def test_chosen_paths_are_sent_and_no_others(room: ArchiveRoom, files: BackupKey) -> None:
    whole, chosen = plan(room, files), plan(room, files, paths=["config.yml"])
    assert chosen.selection is not None
    assert (chosen.selection.paths, chosen.selection.entries, chosen.selection.is_whole) == (["config.yml"], 2, False)
    assert chosen.plain_size < whole.plain_size
    assert chosen_and_away(ask(files, paths=["config.yml"]), chosen, room.catalog) == (["config.yml"], [])


def test_paths_that_match_nothing_are_refused_by_name(room: ArchiveRoom, files: BackupKey) -> None:
    assert refused(room, files, paths=["config.yml", "wrold/*"]) == Reason.NOTHING_CHOSEN


def test_links_that_lead_out_are_refused_unless_the_fleet_file_lets_them(room: ArchiveRoom) -> None:
    out = [directory("files/files"), file("files/files/a"), symlink("files/files/out", "../../etc")]
    key = verified(room, room.put_archive(assemble(out)))
    assert refused(room, key) == Reason.LINKS_OUT
    assert plan(room, key, paths=["a"]).selection is not None
    allowed = plan(room, key, fleet(links_out=True)).selection
    assert allowed is not None
    assert allowed.links_out


def test_a_set_out_of_a_full_backup_goes_to_its_folder(room: ArchiveRoom, full: BackupKey) -> None:
    made = plan(room, full, part="files/files", paths=["config.yml"])
    assert (made.kind, made.target_path, made.safety_artifact) == (Kind.FILES, "/srv/game", "safety-files")


def test_a_database_out_of_a_full_backup_is_recovered_as_a_database(room: ArchiveRoom, full: BackupKey) -> None:
    made = plan(room, full, fleet(), part="databases/world", target_path="/srv/game/world.db")
    assert (made.kind, made.artifact, made.safety_artifact) == (Kind.DATABASE, "world", "safety-world")
    entry = next(one for one in room.catalog.manifest(room.catalog.stored(full)) if one.path == "databases/world.db")
    assert (made.plain_size, made.plain_sha256) == (entry.size, entry.sha256)
    assert made.fingerprint is not None
    assert made.fingerprint.row_counts["players"] == 200
    assert made.page_size == 4096


def test_a_whole_full_backup_becomes_a_new_folder_and_replaces_nothing(room: ArchiveRoom, full: BackupKey) -> None:
    assert refused(room, full) == Reason.TARGET_NOT_ALLOWED
    made = plan(room, full, target_path="/srv/everything")
    assert (made.kind, made.target_path, made.artifact) == (Kind.FULL, "/srv/everything", None)


@pytest.mark.parametrize("part", ["files/logs", "databases/bank"])
def test_a_part_that_the_backup_has_not_is_refused(room: ArchiveRoom, full: BackupKey, part: str) -> None:
    assert refused(room, full, part=part, target_path="/srv/new") == Reason.UNKNOWN_PART


@pytest.mark.parametrize("part", ["", "files", "files/", "files/../x", "etc/passwd", "databases/a/b", "files/UPPER"])
def test_what_names_no_part_is_refused(room: ArchiveRoom, full: BackupKey, part: str) -> None:
    with pytest.raises(InvalidInputError):
        plan(room, full, part=part, target_path="/srv/new")


def test_paths_of_a_whole_server_or_of_a_database_are_refused(room: ArchiveRoom, full: BackupKey) -> None:
    assert refused(room, full, paths=["a"], target_path="/srv/new") == Reason.UNKNOWN_PART
    assert refused(room, full, part="databases/world", paths=["a"]) == Reason.UNKNOWN_PART


@pytest.mark.parametrize("path", ["/etc", "/etc/new", "/srv", "/", "/srv/game/inside"])
def test_a_new_folder_lies_beside_the_servers_own_and_nowhere_else(room: ArchiveRoom, files: BackupKey, path: str) -> None:
    assert refused(room, files, target_path=path) == Reason.TARGET_NOT_ALLOWED
    assert plan(room, files, target_path="/srv/beside").artifact is None


def test_chosen_paths_go_back_to_their_own_folder_only(room: ArchiveRoom, files: BackupKey) -> None:
    assert refused(room, files, paths=["config.yml"], target_path="/srv/beside") == Reason.TARGET_NOT_ALLOWED


def test_another_server_must_be_meant_and_has_its_own_folder(room: ArchiveRoom, files: BackupKey) -> None:
    assert refused(room, files, target_server_id="server_002") == Reason.TARGET_NOT_ALLOWED
    made = plan(room, files, target_server_id="server_002", allow_other_server=True)
    assert (made.target_server_id, made.target_path) == ("server_002", "/srv/elsewhere")


def test_an_agent_restores_into_its_own_folders_alone(room: ArchiveRoom, files: BackupKey) -> None:
    over_https = fleet(reached={"https": HTTPS})
    assert plan(room, files, over_https).target_path == "/srv/game"
    assert refused(room, files, over_https, target_path="/srv/beside") == Reason.TARGET_NOT_ALLOWED


@pytest.mark.parametrize("changes", [{"part": "files/files"}, {"paths": ["a"]}])
def test_other_kinds_have_neither_parts_nor_paths(room: ArchiveRoom, tmp_path: Path, changes: dict[str, Any]) -> None:
    key = verified(room, room.put_database(make_database(tmp_path / "a.db")))
    with pytest.raises(InvalidInputError):
        plan(room, key, **changes)


def test_a_part_of_a_set_is_refused(room: ArchiveRoom, files: BackupKey) -> None:
    with pytest.raises(InvalidInputError, match="only full backups"):
        plan(room, files, part="files/files")


def test_undoing_takes_away_what_a_recovery_had_newly_made(room: ArchiveRoom, files: BackupKey) -> None:
    before = [piece for piece in game_folder() if piece.entry and not piece.entry.path.startswith("files/files/world")]
    safety = verified(room, room.put_archive(assemble(before), artifact_id=FILES.safety, slot=NOON.repair(1)))
    request = ask(safety, paths=["world", "config.yml"], undo_of="server_001.000001", undoes_backup=files.text)
    made = make_plan(request, fleet(), room.catalog)
    assert made.target_path == "/srv/game"
    assert chosen_and_away(request, made, room.catalog) == (["config.yml"], ["world"])


@pytest.mark.parametrize("files", [{"exclude": ["cache"]}, {"include": ["world", "*.yml"]}, {"maximum_file_size": "1M"}])
def test_a_set_that_leaves_something_out_never_replaces_the_folder_itself(room: ArchiveRoom, files: dict[str, Any]) -> None:
    key = verified(room, room.put_archive(assemble(game_folder())))
    made = plan(room, key, fleet(**files))
    assert made.selection is not None
    assert made.selection.paths == [EVERYTHING]
    assert any("stay where they are" in warning for warning in made.warnings)
    beside = plan(room, key, fleet(**files), target_path="/srv/beside").selection
    assert beside is not None
    assert beside.is_whole


def test_a_backup_in_which_files_could_not_be_read_never_replaces_the_folder_itself(room: ArchiveRoom) -> None:
    key = verified(room, room.put_archive(assemble([*game_folder(), absent("files/files/zz", "unreadable")])))
    made = plan(room, key)
    assert made.selection is not None
    assert not made.selection.is_whole


def test_what_lies_beside_a_database_is_moved_aside_with_it(room: ArchiveRoom, full: BackupKey) -> None:
    request = ask(full, part="files/files")
    made = make_plan(request, fleet(), room.catalog)
    assert made.selection is not None
    assert not made.selection.is_whole, "a database of the fleet file lies in the folder, and not in this part of the backup"
    _, away = chosen_and_away(request, made, room.catalog)
    assert away == [f"world/zones.sqlite{suffix}" for suffix in ("-wal", "-shm", "-journal")]
