"""Names follow from paths alone, are always valid, and no two paths share one."""

import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetsave.model.errors import ConfigurationError, InvalidInputError
from fleetsave.model.fleet import SqliteDatabase
from fleetsave.model.keys import ArtifactId, parse_id
from fleetsave.model.kinds import Kind
from fleetsave.model.slots import Slot
from fleetsave.sources.agent.door_names import slug
from fleetsave.sources.sqlite.names import artifact_name, require_match, snapshot_name

WORLDS = SqliteDatabase(name="worlds", path="/srv/games/*.db")
FILE_NAME = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=90)
ID = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True)


@pytest.mark.parametrize(
    ("pattern", "path", "name"),
    [
        ("/srv/games/*.db", "/srv/games/world_1.db", "worlds-world_1"),
        ("/srv/games/world_?.db", "/srv/games/world_1.db", "worlds-world_1"),
        ("/srv/games/*", "/srv/games/world", "worlds-world"),
        ("/srv/games/*.db", "/srv/games/World.db", "worlds-world-"),
        ("/srv/*/world.db", "/srv/a/world.db", "worlds-world-"),
        ("/srv/games/*.db*", "/srv/games/world.db2", "worlds-world-"),
        ("/srv/games/*", "/srv/games/world.db", "worlds-world-"),
        ("/srv/games/*.db", "/srv/games/$(rm -rf).db", "worlds-rm-rf-"),
        ("/srv/games/*.db", "/srv/games/データ.db", "worlds-"),
        ("/srv/games/*.db", "/srv/games/a-0123456789ab.db", "worlds-a-0123456789ab-"),
    ],
)
def test_a_stem_stands_for_its_path_where_it_can_and_is_hashed_where_it_cannot(pattern: str, path: str, name: str) -> None:
    made = artifact_name(SqliteDatabase(name="worlds", path=pattern), path)
    assert re.fullmatch(name + "[0-9a-f]{12}" if name.endswith("-") else name, made)


def test_a_database_that_is_no_glob_keeps_its_name() -> None:
    assert artifact_name(SqliteDatabase(name="world", path="/srv/World 1.db"), "/srv/World 1.db") == "world"


@settings(max_examples=1000, deadline=None)
@given(FILE_NAME, FILE_NAME, st.sampled_from(["/srv/games/*.db", "/srv/*/x*", "/srv/games/*"]), st.integers(1, 50))
def test_two_paths_never_share_a_name(one: str, other: str, pattern: str, length: int) -> None:
    database = SqliteDatabase(name="d" * length, path=pattern)
    first, second = f"/srv/games/{one}.db", f"/srv/games/{other}.db"
    names = artifact_name(database, first), artifact_name(database, second)
    assert (names[0] == names[1]) == (first == second)
    for name in names:
        assert parse_id(name, "artifact name") == name
        assert name.startswith(f"{database.name}-")


@settings(deadline=None)
@given(FILE_NAME)
def test_a_hashed_name_can_be_no_other_files_plain_name(stem: str) -> None:
    hashed = artifact_name(WORLDS, f"/srv/games/{stem}!.db")
    assert artifact_name(WORLDS, f"/srv/games/{hashed.removeprefix('worlds-')}.db") != hashed


@given(st.text())
def test_a_slug_holds_only_what_an_id_may(text: str) -> None:
    assert set(slug(text)) <= set(string.ascii_lowercase + string.digits + "_-")
    assert slug(slug(text)) == slug(text)


def test_a_name_too_long_for_a_glob_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError):
        artifact_name(SqliteDatabase(name="d" * 51, path="/srv/*.db"), "/srv/a.db")


@settings(deadline=None)
@given(ID.filter(lambda text: text != "central"), ID, ID.filter(lambda text: text != "central"), ID)
def test_snapshot_names_are_accepted_by_the_server_and_differ_for_every_artifact(a: str, b: str, c: str, d: str) -> None:
    slot = Slot.parse("20240101_120000")
    one, other = ArtifactId(a, Kind.DATABASE, b), ArtifactId(c, Kind.DATABASE, d)
    names = {snapshot_name(one, slot), snapshot_name(other, slot), snapshot_name(one, slot.repair(1))}
    assert len(names) == (2 if one == other else 3)
    assert all(re.fullmatch("[a-z0-9_-]{1,200}", name) for name in names)


@pytest.mark.parametrize(
    ("pattern", "path", "meant"),
    [
        ("/srv/a.db", "/srv/a.db", True),
        ("/srv/a.db", "/srv/b.db", False),
        ("/srv/*.db", "/srv/a.db", True),
        ("/srv//*.db", "/srv/a.db", True),
        ("/srv/*.db", "/srv/x/a.db", False),
        ("/srv/*/a.db", "/srv/../a.db", False),
        ("/srv/*.db", "/srv/.hidden.db", False),
        ("/srv/.*.db", "/srv/.hidden.db", True),
        ("/srv/*.db", "/etc/a.db", False),
        ("/srv/*", "srv/a", False),
        ("/srv/[ab].db", "/srv/b.db", True),
        ("/srv/[ab].db", "/srv/c.db", False),
    ],
)
def test_a_job_may_only_name_what_the_fleet_file_means(pattern: str, path: str, meant: bool) -> None:
    database = SqliteDatabase(path=pattern)
    if meant:
        require_match(database, path)
    else:
        with pytest.raises(InvalidInputError):
            require_match(database, path)
