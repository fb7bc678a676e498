from stat import S_IFDIR, S_IFLNK, S_IFREG

import pytest

from fleetsave.transports.globbing import matching_files

FOLDERS: dict[str, dict[str, int]] = {
    "/": {"srv": S_IFDIR, "top.db": S_IFREG},
    "/srv": {"a": S_IFDIR, "b": S_IFLNK, ".hidden": S_IFDIR, "file": S_IFREG, "..": S_IFDIR, ".": S_IFDIR},
    "/srv/a": {"1.db": S_IFREG, "2.DB": S_IFREG, ".3.db": S_IFREG, "link.db": S_IFLNK, "dangling.db": S_IFLNK, "d.db": S_IFDIR},
    "/srv/b": {"unknown.db": 0, "no\nfile.db": S_IFREG},
    "/srv/.hidden": {"4.db": S_IFREG},
}
REGULAR = {"/srv/a/link.db", "/srv/b/unknown.db", "/srv/a/1.db", "/srv/a/[x].db"}
listed: list[str] = []


def entries(folder: str) -> list[tuple[str, int]]:
    listed.append(folder)
    return list(FOLDERS.get(folder, {}).items())


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/*.db", ["/top.db"]),
        ("/srv/*", ["/srv/file"]),
        ("/srv/a/*.db", ["/srv/a/1.db", "/srv/a/link.db"]),
        ("/srv/*/*.db", ["/srv/a/1.db", "/srv/a/link.db", "/srv/b/no\nfile.db", "/srv/b/unknown.db"]),
        ("/srv/a/.*", ["/srv/a/.3.db"]),
        ("/srv/.*/*.db", ["/srv/.hidden/4.db"]),
        ("/srv/a/[12].*", ["/srv/a/1.db", "/srv/a/2.DB"]),
        ("/srv/a/[!1].*", ["/srv/a/2.DB"]),
        ("/srv/a/?.db", ["/srv/a/1.db"]),
        ("/srv/*/1.db", ["/srv/a/1.db"]),
        ("/srv//a/1.db", ["/srv/a/1.db"]),
        ("/srv/a/2.db", []),
        ("/nowhere/*", []),
        ("/srv/file/*", []),
    ],
)
def test_a_pattern_means_these_files(pattern: str, expected: list[str]) -> None:
    assert matching_files(pattern, entries, REGULAR.__contains__) == expected


def test_only_folders_that_a_pattern_leads_into_are_listed() -> None:
    listed.clear()
    matching_files("/srv/a*/x.db", entries, REGULAR.__contains__)
    assert listed == ["/srv"]
