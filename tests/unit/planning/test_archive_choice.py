"""What is chosen of an archive comes in its order, after the folders on its way, and hard links never lose their content."""

from collections.abc import Iterator, Sequence

from fleetsave.model.manifests import Entry, EntryType
from fleetsave.planning.archive_choice import ArchiveChoice, Choice
from tests.fixtures.archive_pieces import absent, directory, file, game_folder, hardlink

ROOT = "files/files"
GAME = [piece.entry for piece in game_folder() if piece.entry]
LINKED = [
    piece.entry
    for piece in (
        directory("files/files"), directory("files/files/a"), file("files/files/a/first", b"one"),
        directory("files/files/b"), directory("files/files/b/c"), hardlink("files/files/b/c/other", "files/files/a/first"),
        hardlink("files/files/b/third", "files/files/a/first"), absent("files/files/b/zz", "unreadable"),
    )
    if piece.entry
]  # fmt: skip


def choose(entries: Sequence[Entry], *paths: str, root: str = ROOT) -> list[Choice]:
    def read() -> Iterator[Entry]:
        return iter(entries)

    return list(ArchiveChoice(read, root, paths).choices())


def told(choices: list[Choice]) -> list[tuple[str, str]]:
    return [(one.entry.path, "way" if one.is_way else one.entry.type.value) for one in choices]


def test_without_patterns_all_of_the_root_is_chosen_and_itself_stands_as_a_dot() -> None:
    choices = choose(GAME)
    assert [one.entry.path for one in choices] == [
        ".", "config.yml", "empty", "latest", "name-\udcff-ü", "world", "world/also", "world/level.dat",
        "world/" + "long" * 60, "world/region.mca",
    ]  # fmt: skip
    assert [one.member for one in choices] == [entry.path for entry in GAME]
    assert not any(one.is_way for one in choices)


def test_a_chosen_file_comes_after_the_folders_on_its_way() -> None:
    assert told(choose(GAME, "world/level.dat")) == [(".", "way"), ("world", "way"), ("world/level.dat", "file")]


def test_a_chosen_folder_means_all_that_is_in_it() -> None:
    assert next(path for path, kind in told(choose(GAME, "world")) if kind != "way") == "world"
    assert len(choose(GAME, "world")) == len(choose(GAME, "world/**")) == 6


def test_patterns_join_and_a_way_is_told_once() -> None:
    chosen = told(choose(GAME, "world/level.dat", "world/region.*", "config.yml"))
    assert chosen == [
        (".", "way"), ("config.yml", "file"), ("world", "way"), ("world/level.dat", "file"), ("world/region.mca", "file"),
    ]  # fmt: skip


def test_names_that_are_not_utf8_are_matched_as_bytes() -> None:
    assert [one.entry.path for one in choose(GAME, "name-?-*")] == [".", "name-\udcff-ü"]


def test_a_pattern_that_matches_nothing_is_known_afterwards() -> None:
    choice = ArchiveChoice(lambda: iter(GAME), ROOT, ["world/level.dat", "nothing/*", "world/none"])
    list(choice.choices())
    assert choice.unmatched == ["nothing/*", "world/none"]


def test_a_hard_link_whose_first_name_is_not_chosen_comes_as_that_file() -> None:
    (link,) = (one for one in choose(LINKED, "b/c/other") if not one.is_way)
    first = LINKED[2]
    assert (link.entry.path, link.entry.type, link.entry.sha256) == ("b/c/other", EntryType.FILE, first.sha256)
    assert (link.member, link.offset, link.span) == (first.path, first.offset, first.span)


def test_more_hard_links_to_it_are_then_links_to_that_one() -> None:
    chosen = [one for one in choose(LINKED, "b") if not one.is_way]
    assert [(one.entry.path, one.entry.type.value, one.entry.target) for one in chosen] == [
        ("b", "directory", ""), ("b/c", "directory", ""), ("b/c/other", "file", ""), ("b/third", "hardlink", "b/c/other"),
    ]  # fmt: skip


def test_a_hard_link_whose_first_name_is_chosen_stays_one() -> None:
    (link,) = (one for one in choose(LINKED, "a", "b/third") if one.entry.type is EntryType.HARDLINK)
    assert link.entry.target == "a/first"


def test_a_whole_archive_gets_the_folders_that_have_no_member() -> None:
    choices = choose(GAME, root="")
    assert told(choices)[:4] == [(".", "way"), ("databases", "way"), ("files", "way"), ("files/files", "directory")]


def test_what_has_no_member_is_never_chosen() -> None:
    assert "b/zz" not in [one.entry.path for one in choose(LINKED, "**")]


def test_sets_whose_names_begin_alike_are_told_apart() -> None:
    other = [piece.entry for piece in (directory("files/files-2"), file("files/files-2/x")) if piece.entry]
    assert len(choose([*GAME, *other])) == len(GAME)
