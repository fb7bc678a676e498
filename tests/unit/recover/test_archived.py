"""What is sent out of an archive is the same from every offset on, and a database comes out as it went in."""

from pathlib import Path

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.errors import RestoreError
from fleetsave.model.keys import BackupKey
from fleetsave.model.kinds import Compression
from fleetsave.model.records import StoredRecord
from fleetsave.model.recovery_records import Selection
from fleetsave.planning.archive_copy import CopyFacts, copy_facts
from fleetsave.planning.archive_plan import choice_of
from fleetsave.recover.archived import copy_bytes, member_bytes
from tests.fixtures.archive_pieces import game_folder, server_with_databases
from tests.fixtures.stored_archives import FULL, ArchiveRoom, assemble


@pytest.fixture
def room(tmp_path: Path) -> ArchiveRoom:
    return ArchiveRoom(tmp_path)


def selection(catalog: Catalog, record: StoredRecord, root: str, *paths: str) -> tuple[Selection, CopyFacts]:
    facts = copy_facts(choice_of(catalog, record, root, list(paths)))
    return Selection(root, list(paths), facts.entries, facts.content_size, facts.expected_size), facts


def stored(room: ArchiveRoom, key: BackupKey) -> StoredRecord:
    return room.catalog.stored(key)


@pytest.mark.parametrize("compression", Compression)
@pytest.mark.parametrize("paths", [(), ("world/level.dat",), ("config.yml", "world/region.mca")])
def test_it_goes_on_from_every_offset(room: ArchiveRoom, paths: tuple[str, ...], compression: Compression) -> None:
    record = stored(room, room.put_archive(assemble(game_folder()), compression=compression))
    chosen, facts = selection(room.catalog, record, "files/files", *paths)
    whole = b"".join(copy_bytes(room.store, room.catalog, record, chosen, 0))
    assert len(whole) == facts.size
    for begun_at in {*range(0, facts.size, 977), 511, 512, 513, facts.size - 1, facts.size}:
        assert b"".join(copy_bytes(room.store, room.catalog, record, chosen, begun_at)) == whole[begun_at:]


def test_a_database_comes_out_as_it_went_in(room: ArchiveRoom, tmp_path: Path) -> None:
    taken = assemble(server_with_databases(tmp_path))
    record = stored(room, room.put_archive(taken, artifact_id=FULL))
    for member in ("databases/world.db", "files/files/world/zones.sqlite"):
        content = b"".join(member_bytes(room.store, room.catalog, record, member))
        entry = next(one for one in room.catalog.manifest(record) if one.path == member)
        assert (len(content), content[:6]) == (entry.size, b"SQLite")


def test_a_member_that_is_not_there_is_refused(room: ArchiveRoom) -> None:
    record = stored(room, room.put_archive(assemble(game_folder())))
    with pytest.raises(RestoreError, match="no databases/world"):
        list(member_bytes(room.store, room.catalog, record, "databases/world.db"))
