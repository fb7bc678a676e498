"""The published figures for damaged dumps: how many were made, how many verify accepted, how many PostgreSQL takes silently."""

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetsave.local.postgres_server import PostgresServer
from fleetsave.model.keys import RecordName
from fleetsave.model.kinds import Compression, DumpFormat
from fleetsave.postgres.scratch_server import scratch_server
from tests.fixtures import rich_database
from tests.fixtures.dump_damage import (
    NO_PROGRAMS,
    Damage,
    cut_anywhere,
    cut_within_data,
    damage_at_rest,
    each,
    flip_a_bit,
    restores,
)
from tests.fixtures.stored_dumps import DumpRoom, TakenDump, layer_programs, take_dump
from tests.soak.figures import record

TRIALS = 100
WAYS = [
    ("bit flips", "zstd", DumpFormat.PLAIN, Compression.ZSTD, flip_a_bit),
    ("bit flips", "plain", DumpFormat.PLAIN, Compression.NONE, flip_a_bit),
    ("bit flips", "custom", DumpFormat.CUSTOM, Compression.NONE, flip_a_bit),
    ("cuts", "zstd", DumpFormat.PLAIN, Compression.ZSTD, cut_anywhere),
    ("cuts at the end of a row", "plain", DumpFormat.PLAIN, Compression.NONE, cut_within_data),
    ("cuts", "custom", DumpFormat.CUSTOM, Compression.NONE, cut_anywhere),
]

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[DumpFormat, TakenDump]]:
    """Dumps of the rich database in both formats."""
    with PostgresServer(tmp_path_factory.mktemp("postgresql"), major=18) as server:
        server.create_database("game")
        rich_database.fill(server, "game")
        yield {one: take_dump(server, "game", dump_format=one) for one in DumpFormat}


@pytest.mark.parametrize(("damage_name", "stored_as", "dump_format", "compression", "damage"), WAYS)
def test_no_damage_to_a_stored_dump_is_accepted(
    dumps: dict[DumpFormat, TakenDump],
    dump_room: DumpRoom,
    damage_name: str,
    stored_as: str,
    dump_format: DumpFormat,
    compression: Compression,
    damage: Damage,
) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    dump = dumps[dump_format]
    assert dump_room.judge_new(dump, compression=compression).verdict is RecordName.VERIFIED
    tally = damage_at_rest(dump_room, dump, compression, damage, trials=TRIALS, seed=seed)
    figures: dict[str, object] = {"trials": tally.trials, "accepted": tally.accepted, "caught_first_by": dict(tally.caught_by)}
    if compression is Compression.NONE:
        figures["restored_without_complaint"] = _restored_without_complaint(dump, damage, seed)
    record("damage to stored dumps", seed=seed, damage=damage_name, stored_as=stored_as, **figures)
    assert (tally.trials, tally.accepted) == (TRIALS, 0)


def test_no_text_that_was_cut_before_it_was_hashed_is_accepted(dumps: dict[DumpFormat, TakenDump], dump_room: DumpRoom) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    dump_room.programs = NO_PROGRAMS
    dump = dumps[DumpFormat.PLAIN]
    verdicts = [
        dump_room.judge_new(dump.with_text(damaged)).verdict
        for damaged in each(cut_within_data, dump.plain, trials=TRIALS, seed=seed)
    ]
    accepted = len(verdicts) - verdicts.count(RecordName.REJECTED)
    record("dumps cut before they were hashed", seed=seed, trials=len(verdicts), accepted=accepted)
    assert (len(verdicts), accepted) == (TRIALS, 0)


def _restored_without_complaint(dump: TakenDump, damage: Damage, seed: int) -> int:
    """Count what psql or pg_restore takes, of the same damaged bytes, with status 0."""
    programs = layer_programs()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with scratch_server(programs, Path(folder) / "server") as server:
            with server.connect() as connection:
                connection.execute('CREATE ROLE rich_owner; CREATE ROLE "reader\'s ""role"""; CREATE ROLE rich_admin')
            return sum(
                restores(server, programs, dump, damaged) for damaged in each(damage, dump.plain, trials=TRIALS, seed=seed)
            )
