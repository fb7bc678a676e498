"""Where listings begin: under the prefix of a server and kind, and from a slot on."""

import pytest
from hypothesis import given

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.keys import BackupKey, RecordName, backup_prefix, catalog_prefix, catalog_slot_prefix, slot_prefix
from fleetsave.model.slots import Slot
from tests.unit.model.test_keys import EXAMPLES, keys, slots


@given(keys)
@EXAMPLES
def test_every_key_lies_under_its_own_prefixes_and_no_other_servers(key: BackupKey) -> None:
    server_id, kind = key.artifact_id.server_id, key.artifact_id.kind
    assert key.text.startswith(backup_prefix(server_id, kind))
    assert key.text.startswith(backup_prefix(server_id))
    assert key.record_key(RecordName.STORED).startswith(catalog_prefix(server_id, kind))
    assert key.record_key(RecordName.STORED).startswith(catalog_prefix())
    assert backup_prefix(server_id).endswith("/")


@given(keys, slots)
@EXAMPLES
def test_what_a_listing_begins_after_tells_earlier_slots_from_later_ones(key: BackupKey, slot: Slot) -> None:
    server_id, kind = key.artifact_id.server_id, key.artifact_id.kind
    is_listed = key.text > slot_prefix(server_id, kind, slot)
    assert is_listed == (key.slot >= slot)
    assert (key.record_key(RecordName.STORED) > catalog_slot_prefix(server_id, kind, slot)) == is_listed


def test_a_hostile_server_id_gives_no_prefix() -> None:
    with pytest.raises(InvalidInputError):
        backup_prefix("..")
    with pytest.raises(InvalidInputError):
        catalog_prefix("a/b")
