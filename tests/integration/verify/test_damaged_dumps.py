"""Whatever happens to a stored dump, what stands beside it, or its record: it is never verified, and nothing of it is run."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fleetsave.local.postgres_server import PostgresServer
from fleetsave.model.keys import RecordName
from fleetsave.model.kinds import Compression, DumpFormat
from fleetsave.model.records import Outcome
from tests.fixtures.dump_damage import (
    NO_PROGRAMS,
    Damage,
    cut_anywhere,
    cut_within_data,
    damage_at_rest,
    each,
    flip_a_bit,
    vouched_for,
)
from tests.fixtures.stored_dumps import DumpRoom, TakenDump, against, take_dump

TRIALS = 10
SEED = 20240101


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[DumpFormat, TakenDump]]:
    """Dumps of one database in both formats: two tables, of which one refers to the other, and a sequence."""
    with PostgresServer(tmp_path_factory.mktemp("postgresql"), major=16) as server:
        server.psql(
            "CREATE TABLE players (id serial PRIMARY KEY, name text);"
            "INSERT INTO players (name) SELECT md5(g::text) FROM generate_series(1, 2000) g;"
            "CREATE TABLE items (id integer PRIMARY KEY, owner integer REFERENCES players);"
            "INSERT INTO items SELECT g, g FROM generate_series(1, 2000) g"
        )
        yield {one: take_dump(server, "postgres", dump_format=one) for one in DumpFormat}


STORED = pytest.mark.parametrize(
    ("dump_format", "compression"),
    [(DumpFormat.PLAIN, Compression.ZSTD), (DumpFormat.PLAIN, Compression.NONE), (DumpFormat.CUSTOM, Compression.NONE)],
    ids=["zstd", "plain", "custom"],
)


@STORED
def test_the_sound_dumps_are_verified_else_the_others_prove_nothing(
    dumps: dict[DumpFormat, TakenDump], dump_room: DumpRoom, dump_format: DumpFormat, compression: Compression
) -> None:
    assert dump_room.judge_new(dumps[dump_format], compression=compression).verdict is RecordName.VERIFIED


@pytest.mark.parametrize("damage", [flip_a_bit, cut_anywhere])
@STORED
def test_no_object_damaged_at_rest_is_accepted_and_no_program_reads_it(
    dumps: dict[DumpFormat, TakenDump], dump_room: DumpRoom, dump_format: DumpFormat, compression: Compression, damage: Damage
) -> None:
    tally = damage_at_rest(dump_room, dumps[dump_format], compression, damage, trials=TRIALS, seed=SEED)
    assert (tally.trials, tally.accepted) == (TRIALS, 0)


def test_no_text_cut_at_the_end_of_a_row_is_accepted(dumps: dict[DumpFormat, TakenDump], dump_room: DumpRoom) -> None:
    tally = damage_at_rest(dump_room, dumps[DumpFormat.PLAIN], Compression.NONE, cut_within_data, trials=TRIALS, seed=SEED)
    assert (tally.trials, tally.accepted) == (TRIALS, 0)


def test_a_text_that_was_cut_before_it_was_hashed_is_rejected_by_its_end_and_its_rows(
    dumps: dict[DumpFormat, TakenDump], dump_room: DumpRoom
) -> None:
    dump_room.programs = NO_PROGRAMS
    dump = dumps[DumpFormat.PLAIN]
    for damaged in each(cut_within_data, dump.plain, trials=TRIALS, seed=SEED):
        outcome = dump_room.judge_new(dump.with_text(damaged))
        assert outcome.verdict is RecordName.REJECTED
        assert against(outcome).keys() & {"dump_text", "dump_report"}


@pytest.mark.parametrize("damage", [flip_a_bit, cut_anywhere])
def test_an_archive_that_was_damaged_before_it_was_hashed_is_never_verified(
    dumps: dict[DumpFormat, TakenDump], dump_room: DumpRoom, damage: Damage
) -> None:
    dump = dumps[DumpFormat.CUSTOM]
    differing = 0
    for damaged in each(damage, dump.plain, trials=TRIALS, seed=SEED):
        outcome = dump_room.judge_new(vouched_for(dump, damaged))
        found = against(outcome).get("dump_text")
        differing += found is not None
        # A bit of the archive's own book-keeping may be one that nothing of the text depends on.
        assert found is None or found.outcome in (Outcome.FAILED, Outcome.INCONCLUSIVE)
    assert differing >= TRIALS - 2


def test_a_lost_row_that_everything_recorded_of_the_text_agrees_with_is_found_by_the_counts_of_the_snapshot(
    dumps: dict[DumpFormat, TakenDump], dump_room: DumpRoom
) -> None:
    dump = dumps[DumpFormat.PLAIN]
    outcome = dump_room.judge_new(dump.with_text(dump.plain.replace(b"\n2000\t2000\n", b"\n")))
    assert outcome.verdict is RecordName.REJECTED
    found = against(outcome)
    assert set(found) == {"row_counts"}
    assert "public.items 2000 at the source, 1999 restored" in found["row_counts"].detail


def test_a_row_that_refers_to_nothing_does_not_restore(dumps: dict[DumpFormat, TakenDump], dump_room: DumpRoom) -> None:
    dump = dumps[DumpFormat.PLAIN]
    outcome = dump_room.judge_new(dump.with_text(dump.plain.replace(b"\n2000\t2000\n", b"\n2000\t9999\n")))
    assert outcome.verdict is RecordName.REJECTED
    assert "violates foreign key constraint" in against(outcome)["restore"].detail


def test_a_sequence_behind_the_source_is_rejected(dumps: dict[DumpFormat, TakenDump], dump_room: DumpRoom) -> None:
    dump = dumps[DumpFormat.PLAIN]
    outcome = dump_room.judge_new(dump.with_text(dump.plain.replace(b"players_id_seq', 2000, true", b"players_id_seq', 7, true")))
    assert outcome.verdict is RecordName.REJECTED
    assert against(outcome)["sequences"].detail == "public.players_id_seq stands at 7, stood at 2000"


def test_globals_that_are_missing_or_altered_are_found_before_anything_is_run(
    dumps: dict[DumpFormat, TakenDump], dump_room: DumpRoom
) -> None:
    dump_room.programs = NO_PROGRAMS
    key = dump_room.put(dumps[DumpFormat.PLAIN])
    assert key.beside_key is not None
    content = dump_room.store.get(key.beside_key)
    for damaged, said in (
        (None, "there is no object"),
        (content + b"DROP ROLE x;", "at least"),
        (content.replace(b"SUPERUSER", b"SUPERVISE"), "sha256"),
    ):
        dump_room.store.delete(key.beside_key)
        if damaged is not None:
            dump_room.store.put(key.beside_key, damaged)
        outcome = dump_room.judge(key)
        assert outcome.verdict is RecordName.REJECTED
        assert said in against(outcome)["globals"].detail
        dump_room.store.delete(key.record_key(RecordName.REJECTED))


def test_globals_that_cannot_be_restored_are_held_against_the_dump(
    dumps: dict[DumpFormat, TakenDump], dump_room: DumpRoom
) -> None:
    dump = dumps[DumpFormat.PLAIN]
    outcome = dump_room.judge_new(dump.with_globals(dump.beside + b"\nGRANT nobody_there TO postgres;\n"))
    assert outcome.verdict is RecordName.REJECTED
    assert "nobody_there" in against(outcome)["globals_restored"].detail


def test_a_tampered_record_is_rejected(dumps: dict[DumpFormat, TakenDump], dump_room: DumpRoom) -> None:
    dump_room.programs = NO_PROGRAMS
    dump = dumps[DumpFormat.PLAIN]
    report = replace(dump.report, snapshot_id="", text=replace(dump.report.text, size=1))
    found = against(dump_room.judge_new(replace(dump, report=report)))["dump_report"]
    assert "snapshot_id is missing" in found.detail
    assert "a plain dump is its own text" in found.detail
