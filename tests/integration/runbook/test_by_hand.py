"""The runbook's commands, word for word: a backup comes back with standard tools alone, or nothing is touched."""

import json
import time

import pytest

from fleetsave.local.game import check_game, last_payment
from fleetsave.local.mischief import damage
from fleetsave.model.keys import RecordName
from tests.integration.runbook.page import blocks
from tests.integration.runbook.station import Station

TOOLS = ("aws", "s3cmd")
BEFORE = ("ready", "find", "fetch", "check", "count")
EVERYTHING = (*BEFORE, "stop", "keep", "restore", "replace", "start")


def steps(tool: str, way: str) -> tuple[str, ...]:
    return ("ready", tool, "find", "fetch", "check", "count", "stop", "keep", way, "start")


def require_played_on(station: Station) -> None:
    """Assert that the restored database is whole, holds what the backup held, and is being written again."""
    deadline = time.monotonic() + 30
    while not (station.is_played and last_payment(station.database) > station.paid + 5):
        assert time.monotonic() < deadline, station.said
        time.sleep(0.02)
    station.stop_playing()
    assert check_game(station.database, at_least=station.paid) == []


def test_every_block_of_the_page_is_executed_here() -> None:
    assert {name for name in blocks() if not name.startswith(("pg", "fs"))} == {"variables", *TOOLS, *EVERYTHING, "undo"}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_ruined_database_is_restored_through_sqlite(station: Station, tool: str) -> None:
    station.play()
    damage(station.database)
    assert check_game(station.database) != []
    codes = station.follow(*steps(tool, "restore"))
    assert set(codes.values()) == {0}, station.said
    assert f"newest verified: {station.key}\n" in station.said
    require_played_on(station)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_file_that_is_no_database_any_more_is_set_aside_and_replaced(station: Station, tool: str) -> None:
    station.play()
    station.kill()
    with station.database.open("r+b") as file:
        file.write(b"\xff" * 4096)
    before = station.live_set()
    assert f"{station.database.name}-wal" in before
    codes = station.follow(*steps("s3cmd", "restore"))
    assert (codes["keep"], codes["restore"] != 0, codes["start"] != 0) == (0, True, True), station.said
    assert station.kept() == before
    # The attempt may have touched the -shm, which holds no data.
    shm = f"{station.database.name}-shm"
    assert station.live_set() | {shm: b""} == before | {shm: b""}
    before = station.live_set()
    station.forget_kept()
    codes = station.follow(*steps(tool, "replace"))
    assert set(codes.values()) == {0}, station.said
    assert station.kept() == before
    require_played_on(station)


def test_undoing_it_brings_the_whole_set_back(station: Station) -> None:
    station.play()
    station.kill()
    acknowledged, before = station.acknowledged, station.live_set()
    assert len(before) == 3
    codes = station.follow(*steps("s3cmd", "replace"))
    assert set(codes.values()) == {0}, station.said
    require_played_on(station)
    assert station.follow("ready", "undo") == {"ready": 0, "undo": 0}, station.said
    assert station.kept() == before
    assert station.kept("undone")[station.database.name][:16] == b"SQLite format 3\0"
    station.stop_playing()
    assert check_game(station.database, at_least=acknowledged) == []


def test_a_missing_database_is_put_back(station: Station) -> None:
    station.database.unlink()
    codes = station.follow(*steps("s3cmd", "replace"))
    assert set(codes.values()) == {0}, station.said
    require_played_on(station)


def test_nothing_is_replaced_under_a_program_that_has_it_open(station: Station) -> None:
    station.play()
    inode = station.database.stat().st_ino
    codes = station.follow(*(name for name in steps("s3cmd", "replace") if name != "stop"))
    assert (codes["keep"], codes["replace"] != 0, codes["start"] != 0) == (0, True, True), station.said
    assert f"-> {station.database}" in station.said
    assert station.database.stat().st_ino == inode
    assert station.is_played
    station.stop_playing()
    assert check_game(station.database, at_least=station.acknowledged) == []


def test_a_link_to_the_database_is_followed_to_the_file_and_what_lies_beside_it(station: Station) -> None:
    station.play()
    station.kill()
    before = station.live_set()
    link = station.folder / "link.db"
    link.symlink_to(station.database)
    station.named = link
    assert set(station.follow(*steps("s3cmd", "replace")).values()) == {0}, station.said
    assert link.is_symlink()
    assert station.kept() == before
    require_played_on(station)


@pytest.mark.parametrize("harm", ["another digest", "a flipped bit", "no backup"])
def test_what_fails_a_check_never_reaches_the_live_database_whatever_is_pasted_after_it(station: Station, harm: str) -> None:
    station.play()
    record_key = station.key.record_key(RecordName.STORED)
    failing = "check"
    if harm == "another digest":
        record = json.loads(station.store.get(record_key))
        station.store.put(record_key, json.dumps(record | {"plain_sha256": "0" * 64}, indent=2).encode())
    elif harm == "a flipped bit":
        body = bytearray(station.store.get(station.key.text))
        body[len(body) // 2] ^= 1
        station.store.put(station.key.text, bytes(body))
    else:
        station.rename_server("server_009")
        failing = "find"
    inode = station.database.stat().st_ino
    codes = station.follow("ready", "s3cmd", *EVERYTHING[1:])
    passed = [name for name, code in codes.items() if code == 0]
    assert passed == list(("ready", "s3cmd", "find", "fetch")[: 4 if failing == "check" else 2]), station.said
    assert station.is_played
    assert station.database.stat().st_ino == inode
    assert list(station.database.parent.glob("*.kept-*")) == []
    station.stop_playing()
    assert check_game(station.database, at_least=station.acknowledged) == []
    assert last_payment(station.database) > station.paid
