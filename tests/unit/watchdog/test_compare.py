"""Data beside its catalog: what lost its record is adopted or told, what lost its data is told and rejected."""

from datetime import timedelta

import pytest

from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Kind
from fleetsave.model.slots import Slot
from fleetsave.model.watch import ProblemKind
from tests.unit.prune.bucket import BODY, DAY, VERIFIED
from tests.unit.watchdog.test_missing import note, transfer, without
from tests.unit.watchdog.world import ALPHA, HOUR, NORTH, QUARTER, TOP, World, kinds, only, slot_of


def day(world: World, every: timedelta = QUARTER) -> list[ProblemKind]:
    """Look on for a day, in which each server has its turn, and return the kinds of problems of the last look."""
    last = [report for _, report in world.look_on(world.now - slot_of(0).slot.at - HOUR / 2 + DAY, every)][-1]
    return kinds(last)


def orphan(world: World, artifact_id: ArtifactId = ALPHA) -> BackupKey:
    """Put the newest slot's data there without a record, two hours after it was due."""
    key = slot_of(0, artifact_id)
    world.bucket.clock.now = TOP + timedelta(minutes=5)
    world.bucket.store.put(key.text, BODY)
    world.bucket.clock.now = TOP + timedelta(minutes=66)
    return key


def test_an_object_without_a_record_is_told_after_an_hour() -> None:
    world = without(ALPHA)
    key = orphan(world)
    report = world.look()
    problem = only(report, ProblemKind.OBJECT_WITHOUT_RECORD)
    assert (problem.key, problem.artifact, problem.since) == (key.text, str(ALPHA), TOP + timedelta(minutes=5))
    assert problem.command == "fleetsave list --server alpha --kind database --artifact database"


def test_a_younger_one_may_be_about_to_get_its_record() -> None:
    world = without(ALPHA)
    orphan(world)
    world.bucket.clock.now = TOP + timedelta(minutes=64)
    assert ProblemKind.OBJECT_WITHOUT_RECORD not in kinds(world.look())


def test_an_object_whose_upload_the_state_names_is_adopted_by_its_job() -> None:
    world = without(ALPHA)
    key = orphan(world)
    note(world, ALPHA, ago=HOUR, transfer=transfer(key.text))
    report = world.look()
    assert ProblemKind.OBJECT_WITHOUT_RECORD not in kinds(report)
    assert Job(ALPHA, Slot(TOP)) in world.captures()


def test_a_file_of_a_glob_is_adopted_under_the_path_its_records_know() -> None:
    world = without(NORTH)
    key = orphan(world, NORTH)
    note(world, NORTH, ago=HOUR, transfer=transfer(key.text))
    world.look()
    assert Job(NORTH, Slot(TOP), source_path="/srv/game.db") in world.captures()


def test_a_repetition_is_adopted_as_what_it_is() -> None:
    world = without(ALPHA)
    key = BackupKey(ALPHA, Slot(TOP).repair(2), slot_of(0).compression)
    world.bucket.clock.now = TOP + timedelta(minutes=5)
    world.bucket.store.put(key.text, BODY)
    world.bucket.clock.now = TOP + timedelta(minutes=66)
    note(world, ALPHA, ago=HOUR, transfer=transfer(key.text))
    world.look()
    assert Job(ALPHA, Slot(TOP), repair=2) in world.captures()


def test_what_nothing_adopted_within_a_day_is_told() -> None:
    world = without(ALPHA)
    key = orphan(world)
    note(world, ALPHA, ago=HOUR, transfer=transfer(key.text))
    for _ in range(26):
        world.bucket.clock.now += HOUR
        report = world.look()
    assert ProblemKind.OBJECT_WITHOUT_RECORD in kinds(report)


def test_a_record_without_its_object_is_told_and_read_by_force_until_it_is_rejected() -> None:
    world = World().healthy(hours=10)
    world.bucket.store.delete(slot_of(5).text)
    found = day(world, every=2 * HOUR)
    assert ProblemKind.RECORD_WITHOUT_OBJECT in found
    assert set(world.verdicts.forced) == {slot_of(5)}
    world.put(5, (RecordName.REJECTED,), data=False)
    world.bucket.clock.now = TOP + 26 * HOUR
    world.forget_what_was_sent()
    report = world.look()
    assert only(report, ProblemKind.RECORD_WITHOUT_OBJECT).key == slot_of(5).text
    assert world.verdicts.forced == []


def test_what_was_wrong_is_told_in_every_look_and_not_once_it_is_right_again() -> None:
    world = World().healthy(hours=10)
    body = world.bucket.store.get(slot_of(5).text)
    world.bucket.store.delete(slot_of(5).text)
    told = [ProblemKind.RECORD_WITHOUT_OBJECT in kinds(report) for _, report in world.look_on(DAY + HOUR, every=2 * HOUR)]
    assert told == sorted(told)
    assert told[-1]
    world.bucket.store.put(slot_of(5).text, body)
    assert ProblemKind.RECORD_WITHOUT_OBJECT not in kinds(world.look())


def test_a_deleted_backup_whose_time_was_over_is_missed_by_nobody_unless_it_is_pinned() -> None:
    world = World().healthy(hours=3)
    world.bucket.add(slot_of(24 * 34), VERIFIED, data=False)
    pinned = world.bucket.add(slot_of(24 * 50), (*VERIFIED, RecordName.PINNED), data=False)
    gone = [
        [one.key for one in report.problems if one.kind is ProblemKind.RECORD_WITHOUT_OBJECT]
        for _, report in world.look_on(29 * DAY, every=12 * HOUR)
    ]
    assert gone[-1] == [pinned.text]
    assert gone == sorted(gone)


def test_many_lost_backups_of_an_artifact_are_counted() -> None:
    world = World().healthy(hours=40)
    for hour in range(1, 30):
        world.bucket.store.delete(slot_of(hour).text)
    reports = [report for _, report in world.look_on(DAY, every=2 * HOUR)]
    gone = [one for one in reports[-1].problems if one.kind is ProblemKind.RECORD_WITHOUT_OBJECT]
    assert len(gone) == 20
    assert all("9 older ones" in one.what for one in gone)


@pytest.mark.parametrize(
    "key",
    ["servers/alpha/database/notes.txt", "servers/alpha/database/alpha_20260615_120000_database.db.gz", "servers/alpha/tapes/x"],
)
def test_what_is_not_ours_is_told_and_left_alone(key: str) -> None:
    world = World().healthy(hours=3)
    world.bucket.store.put(key, b"mine")
    reports = [report for _, report in world.look_on(DAY, every=2 * HOUR)]
    told = [one.key for one in reports[-1].problems if one.kind is ProblemKind.UNREADABLE]
    assert told == [key if "tapes" not in key else "servers/alpha/tapes/"]
    assert world.bucket.store.get(key) == b"mine"


def test_what_is_no_record_hides_nothing_else() -> None:
    world = World().healthy()
    world.bucket.store.put("catalog/servers/alpha/database/zzz.txt", b"mine")
    report = world.look()
    assert only(report, ProblemKind.UNREADABLE).key == "catalog/servers/alpha/database/zzz.txt"
    assert len(report.artifacts) == 3


def test_a_manifest_that_stands_beside_nothing_is_told() -> None:
    world = World().healthy(hours=3)
    beside = BackupKey.parse("servers/alpha/files/alpha_20260615_000000_files.tar.zst").beside_key
    assert beside is not None
    world.bucket.clock.now = TOP - 12 * HOUR
    world.bucket.store.put(beside, b"")
    world.bucket.clock.now = TOP + HOUR / 2
    reports = [report for _, report in world.look_on(DAY, every=2 * HOUR)]
    problem = only(reports[-1], ProblemKind.OBJECT_WITHOUT_RECORD)
    assert (problem.key, problem.artifact) == (beside, str(ArtifactId("alpha", Kind.FILES, "files")))


def test_the_bytes_of_all_that_was_listed_are_summed_up() -> None:
    world = World().healthy(hours=3)
    reports = [report for _, report in world.look_on(DAY, every=2 * HOUR)]
    assert reports[-1].figures["stored_bytes"] == 9 * len(BODY)
