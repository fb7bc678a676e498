"""Fault 38: a dump is cut off or killed, or what was stored of it is damaged: no object, or rejected."""

from collections.abc import Callable, Iterator
from random import Random

import pytest

from fleetsave.local.postgres_server import PostgresServer
from fleetsave.model.errors import CaptureError
from fleetsave.model.keys import RecordName
from fleetsave.model.kinds import Compression, DumpFormat
from fleetsave.verify import verdict
from tests.faults.scoring import FINISHES, Tally, scored
from tests.faults.table import FAULTS
from tests.fixtures import rich_database
from tests.fixtures.dump_damage import Damage, cut_anywhere, cut_within_data, damage_at_rest, flip_a_bit
from tests.fixtures.dump_faults import (
    Trial,
    dump_through_a_cut,
    dump_while,
    kill_pg_dump,
    left_running,
    terminate_backend,
)
from tests.fixtures.dumping import Dumping, new_dumping
from tests.fixtures.stored_dumps import DumpRoom, TakenDump, take_dump

pytestmark = FINISHES
ROWS = 60_000
Break = Callable[[Dumping, Random, float, int], Trial]


def kill_the_program(dumping: Dumping, chance: Random, seconds: float, _size: int) -> Trial:
    return dump_while(dumping, kill_pg_dump, chance.uniform(0, seconds * 0.7))


def end_the_session(dumping: Dumping, chance: Random, seconds: float, _size: int) -> Trial:
    return dump_while(dumping, terminate_backend, chance.uniform(0, seconds * 0.7))


def cut_the_network(dumping: Dumping, chance: Random, _seconds: float, size: int) -> Trial:
    return dump_through_a_cut(dumping, chance.randrange(size))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dumping]:
    with new_dumping(tmp_path_factory.mktemp("dumping")) as dumping:
        dumping.fill(ROWS)
        yield dumping


def judge(tally: Tally, dumping: Dumping, before: set[str], trial: Trial) -> None:
    """Note unless a dump that broke off left nothing, and said why."""
    if trial.error is None:
        tally.accepted("a dump that was struck was stored")
    if dumping.data() - before:
        tally.accepted(f"something appeared: {sorted(dumping.data() - before)}")
    if trial.error is not None and not isinstance(trial.error, CaptureError):
        tally.lose(f"an error without a reason: {trial.error}")
    if dumping.open_uploads() or left_running(dumping):
        tally.lose("an upload or a program was left")


@pytest.mark.parametrize(
    ("variant", "strike"),
    [
        ("pg_dump is killed", kill_the_program),
        ("the server ends its session", end_the_session),
        ("the network is cut", cut_the_network),
    ],
)
def test_a_dump_that_breaks_off(filled: Dumping, variant: str, strike: Break) -> None:
    too_late = 0
    report = filled.dump().dump
    with scored(38, variant, share=8) as tally:
        for _ in tally.each():
            before = filled.data()
            trial = strike(filled, tally.chance, report.seconds, report.size)
            while trial.error is None:  # its work was done before; another moment takes its place
                too_late, before = too_late + 1, filled.data()
                trial = strike(filled, tally.chance, report.seconds, report.size)
            judge(tally, filled, before, trial)
        if filled.dump().dump.fingerprint is None:
            tally.lose("after all that no dump could be taken")
        tally.seen["struck too late to matter"] = too_late


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[DumpFormat, TakenDump]]:
    with PostgresServer(tmp_path_factory.mktemp("postgresql"), major=18) as server:
        server.create_database("game")
        rich_database.fill(server, "game")
        yield {one: take_dump(server, "game", dump_format=one) for one in DumpFormat}


@pytest.mark.parametrize(
    ("variant", "dump_format", "compression", "damage"),
    [
        ("a bit of a compressed dump flips", DumpFormat.PLAIN, Compression.ZSTD, flip_a_bit),
        ("a bit of a dump of custom format flips", DumpFormat.CUSTOM, Compression.NONE, flip_a_bit),
        ("a dump is cut at the end of a row", DumpFormat.PLAIN, Compression.NONE, cut_within_data),
        ("a compressed dump is cut", DumpFormat.PLAIN, Compression.ZSTD, cut_anywhere),
        ("a dump of custom format is cut", DumpFormat.CUSTOM, Compression.NONE, cut_anywhere),
    ],
)
def test_a_stored_dump_that_is_damaged(
    dumps: dict[DumpFormat, TakenDump], dump_room: DumpRoom, variant: str, dump_format: DumpFormat, compression: Compression,
    damage: Damage,
) -> None:  # fmt: skip
    dump = dumps[dump_format]
    with scored(38, variant, share=8) as tally:
        seed = tally.chance.randrange(1 << 32)
        found = damage_at_rest(dump_room, dump, compression, damage, trials=tally.trials, seed=seed)
        tally.made = found.trials
        for _ in range(found.accepted):
            tally.accepted("a damaged dump was not rejected")
        tally.seen["caught by"] = dict(found.caught_by)


def test_a_verdict_that_overlooks_what_failed_is_found_out(
    dumps: dict[DumpFormat, TakenDump], dump_room: DumpRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict, "verdict", lambda _: RecordName.SUSPECT)
    found = damage_at_rest(dump_room, dumps[DumpFormat.PLAIN], Compression.ZSTD, flip_a_bit, trials=3, seed=7)
    assert found.accepted == 3


def test_a_dump_that_is_stored_although_it_was_struck_is_found_out(filled: Dumping) -> None:
    before = filled.data()
    tally = Tally(FAULTS[38], "", 1, 7, Random(7))
    judge(tally, filled, before, Trial(filled.dump(), None, has_struck=True))
    assert len(tally.bad_accepted) == 2
