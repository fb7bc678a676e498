"""The plan for a PostgreSQL database says what will happen, and how many rows each table had then and has now."""

from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from fleetsave.model.errors import RecoveryRefusedError
from fleetsave.model.keys import BackupKey
from fleetsave.model.kinds import DumpFormat, Kind
from fleetsave.model.recoveries import Reason
from fleetsave.model.recovery_records import RecoveryPlan, TableRows
from fleetsave.planning.plan import make_plan
from tests.unit.planning.dumps import CENTRAL, add, fleet_of, key_of
from tests.unit.prune.bucket import DAY, Bucket


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def test_the_newest_verified_dump_goes_back_to_its_place(bucket: Bucket) -> None:
    add(bucket, key_of(2 * DAY), {"public.players": 3})
    key = add(bucket, key_of(DAY), {"public.players": 4})
    add(bucket, key_of(DAY / 2), {"public.players": 5}, verified=False)
    plan = make_plan(CENTRAL, fleet_of(), bucket.catalog)
    assert (plan.backup_key, plan.kind, plan.format) == (key.text, Kind.POSTGRESQL, DumpFormat.PLAIN)
    assert (plan.target_server_id, plan.target_path) == ("central", "game")
    assert (plan.artifact, plan.safety_artifact, plan.before, plan.after) == ("postgresql", "safety-postgresql", None, None)


def test_the_steps_name_what_is_made_and_what_is_kept(bucket: Bucket) -> None:
    add(bucket, key_of(DAY), {})
    plan = make_plan(CENTRAL, fleet_of(), bucket.catalog)
    told = " | ".join(plan.steps)
    for text in ("rights", "safety-postgresql", "8192 bytes", "game_fleetsave_...", "game_before_...", "in one transaction"):
        assert text in told
    for word in ("SQLite", "journal", "upload"):
        assert word not in told
    warned = " | ".join(plan.warnings)
    for text in ("roles", str(BackupKey.parse(plan.backup_key).beside_key), "connect again", "game_before_..."):
        assert text in warned


def test_a_new_database_replaces_nothing(bucket: Bucket) -> None:
    add(bucket, key_of(DAY), {})
    plan = make_plan(replace(CENTRAL, target_path="look"), fleet_of(), bucket.catalog)
    assert (plan.target_path, plan.artifact, plan.safety_artifact, plan.comparison) == ("look", None, None, [])
    assert plan.steps[-1] == "rename it to look, never over anything"


def test_the_rows_now_are_those_of_the_newest_verified_backup(bucket: Bucket) -> None:
    older = add(bucket, key_of(2 * DAY), {"public.players": 3, "public.dropped": 7})
    newest = add(bucket, key_of(DAY), {"public.players": 4, "public.added": 1}, schema="2" * 64)
    plan = make_plan(replace(CENTRAL, backup_key=older.text), fleet_of(), bucket.catalog)
    assert plan.comparison == [
        TableRows("public.added", 1, None), TableRows("public.dropped", None, 7), TableRows("public.players", 4, 3),
    ]  # fmt: skip
    assert plan.compared_with == newest.slot.text
    assert any(f"newer verified backup: {newest}" in one for one in plan.warnings)
    assert any("not all defined as" in one for one in plan.warnings)


def test_without_counts_there_is_nothing_to_compare(bucket: Bucket) -> None:
    add(bucket, key_of(DAY))
    plan = make_plan(CENTRAL, fleet_of(), bucket.catalog)
    assert (plan.comparison, plan.compared_with) == ([], None)
    assert any("no fingerprint" in one for one in plan.warnings)


def test_an_archive_is_planned_as_what_it_is(bucket: Bucket) -> None:
    key = add(bucket, key_of(DAY, dump_format=DumpFormat.CUSTOM), {})
    plan = make_plan(CENTRAL, fleet_of({"database": "game", "format": "custom"}), bucket.catalog)
    assert (plan.backup_key, plan.format) == (key.text, DumpFormat.CUSTOM)


def test_of_several_databases_one_has_to_be_named(bucket: Bucket) -> None:
    two = fleet_of({"name": "shop", "database": "shop"}, {"name": "web", "database": "web"})
    key = add(bucket, key_of(DAY, "web"), {}, database="web")
    with pytest.raises(RecoveryRefusedError, match="shop, web") as caught:
        make_plan(CENTRAL, two, bucket.catalog)
    assert caught.value.reason == Reason.AMBIGUOUS_ARTIFACT
    assert make_plan(replace(CENTRAL, artifact="web"), two, bucket.catalog).backup_key == key.text


@pytest.mark.parametrize(("server_id", "kind"), [("central", Kind.DATABASE), ("alpha", Kind.POSTGRESQL)])
def test_only_the_central_server_has_postgresql_and_nothing_else(bucket: Bucket, server_id: str, kind: Kind) -> None:
    request = replace(CENTRAL, server_id=server_id, target_server_id=server_id, kind=kind)
    with pytest.raises(RecoveryRefusedError) as caught:
        make_plan(request, fleet_of(), bucket.catalog)
    assert caught.value.reason in (Reason.UNKNOWN_ARTIFACT, Reason.UNKNOWN_SERVER)


def test_a_plan_of_before_there_were_dumps_can_still_be_read(bucket: Bucket) -> None:
    add(bucket, key_of(DAY), {})
    adapter = TypeAdapter(RecoveryPlan)
    written = adapter.dump_python(make_plan(CENTRAL, fleet_of(), bucket.catalog), mode="json")
    for name in ("format", "comparison", "compared_with"):
        del written[name]
    plan = adapter.validate_python(written)
    assert (plan.format, plan.comparison, plan.compared_with) == (DumpFormat.PLAIN, [], None)
