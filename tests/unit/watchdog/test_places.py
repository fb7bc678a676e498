"""Where to look: all that the fleet file names, and all else the bucket has, each server whole once a day."""

from datetime import timedelta

from fleetsave.catalog.fleet_file import parse_fleet
from fleetsave.model.errors import StoreError
from fleetsave.model.keys import RecordName
from fleetsave.model.kinds import Kind
from fleetsave.watchdog.places import find_places, known_servers, turns_of
from tests.unit.prune.bucket import DAY, FLEET_TEXT, NOW, Bucket, key_of

FLEETS = parse_fleet(FLEET_TEXT).by_server()


def test_servers_are_known_by_their_records_or_by_their_data() -> None:
    bucket = Bucket()
    bucket.add(key_of(DAY, "alpha"), data=False)
    bucket.add(key_of(DAY, "beta"), ())
    bucket.store.put("central/postgresql/postgresql_20260615_120000.sql", b"")
    bucket.store.put("servers/NOT-AN-ID/x/y", b"")
    servers, foreign = known_servers(bucket.store)
    assert servers == {"alpha", "beta", "central"}
    assert [error.target for error in foreign] == ["servers/NOT-AN-ID/"]


def test_of_a_named_server_what_is_named_is_looked_at_and_of_others_all_there_is() -> None:
    bucket = Bucket()
    bucket.store.put("servers/alpha/full/x", b"")
    bucket.store.put("servers/gamma/files/x", b"")
    bucket.store.put("catalog/servers/gamma/database/x", b"")
    found = find_places(bucket.store, {"alpha", "beta", "gamma"}, FLEETS, frozenset(), concurrency=2)
    assert found.places == {
        ("alpha", Kind.DATABASE), ("beta", Kind.DATABASE), ("gamma", Kind.DATABASE), ("gamma", Kind.FILES),
    }  # fmt: skip
    deep = find_places(bucket.store, {"alpha", "beta"}, FLEETS, frozenset(["alpha"]), concurrency=2)
    assert deep.places == {("alpha", Kind.DATABASE), ("alpha", Kind.FULL), ("beta", Kind.DATABASE)}


def test_a_server_that_cannot_be_asked_is_named_and_the_others_are_found() -> None:
    bucket = Bucket()
    bucket.add(key_of(DAY, "gamma"))
    bucket.store.fail("folders", StoreError("list", "x", "down", "Wait."))
    found = find_places(bucket.store, {"delta", "gamma"}, {}, frozenset(), concurrency=1)
    assert (list(found.unlisted), found.places) == (["delta"], {("gamma", Kind.DATABASE)})


def test_folders_of_no_kind_are_told_by_server() -> None:
    bucket = Bucket()
    bucket.store.put("servers/gamma/tapes/x", b"")
    bucket.add(key_of(DAY, "gamma"), [RecordName.STORED])
    found = find_places(bucket.store, {"gamma"}, {}, frozenset(), concurrency=1)
    assert [error.target for error in found.foreign["gamma"]] == ["servers/gamma/tapes/"]


def test_each_server_has_its_turn_once_a_day_and_few_have_it_at_once() -> None:
    servers = [f"server-{number}" for number in range(500)]
    counts = []
    turned: list[str] = []
    for number in range(96):
        turns = turns_of(servers, NOW + timedelta(minutes=15 * number), NOW + timedelta(minutes=15 * (number + 1)))
        counts.append(len(turns))
        turned += turns
    assert sorted(turned) == sorted(servers)
    assert max(counts) < 20
