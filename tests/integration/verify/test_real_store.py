"""The verify room on a real S3 server: several parts, a real GET, a real replacement of an object."""

from pathlib import Path

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.local.seaweedfs import SeaweedFS
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.records import Level
from fleetsave.store.s3 import S3Store
from fleetsave.verify.outcome import AlreadyJudged
from fleetsave.verify.ports import Ports
from fleetsave.verify.room import verify
from tests.fakes.job_queue import RecordingQueue
from tests.fixtures.stored_backups import NOON, NOW, judged, make_database, store_object, take_fingerprint
from tests.fixtures.stores import BUCKET


@pytest.mark.parametrize("compression", list(Compression))
def test_a_backup_is_verified_then_rejected_once_a_bit_is_flipped(
    tmp_path: Path, seaweedfs_server: SeaweedFS, compression: Compression
) -> None:
    store = S3Store(seaweedfs_server.client(), BUCKET, conditional_writes=False)
    catalog, queue = Catalog(store), RecordingQueue()
    ports = Ports(store, catalog, queue, tmp_path, lambda: NOW, lambda: 60)
    filler = "CREATE TABLE world (block BLOB); INSERT INTO world VALUES (randomblob(7000000));"
    database = make_database(tmp_path / "world.db", script=filler)
    key = BackupKey(ArtifactId("verify_room", Kind.DATABASE, "database"), NOON, compression)
    record = store_object(store, key, database.read_bytes(), take_fingerprint(database))
    catalog.append(key, RecordName.STORED, record)
    assert len(record.parts) == 2

    outcome = judged(verify(key, ports))
    assert (outcome.verdict, outcome.record.level) == (RecordName.VERIFIED, Level.EQUAL_TO_SOURCE)
    assert verify(key, ports) == AlreadyJudged(key, RecordName.VERIFIED, None)

    body = bytearray(b"".join(store.read(key.text)))
    body[len(body) // 3] ^= 1
    store.put(key.text, bytes(body))
    outcome = judged(verify(key, ports))
    assert outcome.verdict is RecordName.REJECTED
    assert "damaged parts: 1 of 2" in outcome.record.findings[0].detail
    assert [job.repair for job in queue.jobs] == [1]
