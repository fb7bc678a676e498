"""A copy that is not what it should be is refused by name: nothing is written but in the workplace, and the target stays."""

import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fleetsave.model.errors import RestoreError
from fleetsave.sources.files.restorer import TreeRestorer
from tests.fixtures.copies import ROOT, Folder, Line, TreeCopy, TreeRestoring, member_header, padded
from tests.fixtures.trees import snapshot_of

SHA = "0" * 64


def info(name: str, kind: bytes = tarfile.REGTYPE, **values: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    for attribute, value in values.items():
        setattr(made, attribute, value)
    return made


def plain(name: str, content: bytes = b"content", kind: bytes = tarfile.REGTYPE, /, **records: str) -> bytes:
    return member_header(info(name, kind), len(content), **records) + padded(content)


def extension(size: int, kind: bytes = tarfile.XHDTYPE, content: bytes = b"") -> bytes:
    """Return an extended header that says it has so many bytes."""
    made = info("././@PaxHeader", kind)
    made.size = size
    return made.tobuf(tarfile.USTAR_FORMAT) + padded(content)


def sparse(path: str, size: int, text: bytes, data: bytes = b"") -> bytes:
    """Return a file with holes whose map is `text`."""
    stored = padded(text) + data
    records = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": f"{ROOT}/{path}"}
    return plain("GNUSparseFile.0/file", stored, tarfile.REGTYPE, **records, **{"GNU.sparse.realsize": str(size)})


def damaged_header(name: str) -> bytes:
    data = bytearray(plain(name))
    data[150] ^= 1
    return bytes(data)


def many_members() -> bytes:
    return plain(f"{ROOT}/x", b"") * 20_000


def copy_with(**values: Any) -> TreeCopy:
    """Return a copy of one file whose line says something else."""
    return Folder().add("a", **values).copy()


def first_line(change: Line) -> TreeCopy:
    folder = Folder()
    folder.lines[0] |= change
    return folder.copy()


PATHS = ["../a", "/etc/cron.d/a", "a/../../b", "a//b", "./a", "a/.", "a/", "", "..", "a\0b", "/", "a/./b", "\ud800"]
HOSTILE: dict[str, Callable[[], TreeCopy]] = {
    **{f"the path {path!a}": lambda path=path: copy_with(path=path) for path in PATHS},  # type: ignore[misc]  # bound now, for the loop goes on
    "a link out, and a file through it": lambda: Folder().symlink("l", "/opt").add("l/evil").copy(links_out=True),
    "a link up, and a file through it": lambda: Folder().symlink("l", "..").add("l/evil").copy(links_out=True),
    "a link inside, and a file through it": lambda: Folder().directory("d").symlink("l", "d").add("l/evil").copy(),
    "a link, and a folder in its place": lambda: Folder().symlink("l", "/opt").directory("l").copy(links_out=True),
    "a link, and a file in its place": lambda: Folder().symlink("l", "/opt/evil").add("l").copy(links_out=True),
    "a link, and a link through it": lambda: Folder().symlink("l", "/opt").symlink("l/m", "x").copy(links_out=True),
    "a link, and a hard link through it": lambda: Folder().symlink("l", "/etc").hard_link("p", "l/passwd").copy(links_out=True),
    "a hard link to a link": lambda: Folder().symlink("l", "/etc/passwd").hard_link("p", "l").copy(links_out=True),
    "an absolute link": lambda: Folder().symlink("l", "/etc/passwd").copy(),
    "a link upwards": lambda: Folder().symlink("l", "../../etc/passwd").copy(),
    "a link that goes down and up": lambda: Folder().symlink("l", "a/../../etc").copy(),
    "a link that says another target": lambda: Folder().symlink("l", "a", target="/etc").copy(),
    "a link with a NUL": lambda: Folder().special("l", tarfile.SYMTYPE, "a", type="symlink", target="a\0b").copy(),
    "a hard link out": lambda: Folder().hard_link("p", "../../../etc/passwd").copy(),
    "an absolute hard link": lambda: Folder().hard_link("p", "/etc/passwd").copy(),
    "a hard link to nothing": lambda: Folder().hard_link("p", "nothing").copy(),
    "a hard link to itself": lambda: Folder().hard_link("p", "p").copy(),
    "a hard link to a folder": lambda: Folder().directory("d").hard_link("p", "d").copy(),
    "a hard link to what comes later": lambda: Folder().hard_link("p", "q").add("q").copy(),
    "a device": lambda: Folder().special("d", tarfile.CHRTYPE, type="file").copy(),
    "a device that is listed": lambda: Folder().special("d", tarfile.CHRTYPE, type="device").copy(),
    "a block device": lambda: Folder().special("d", tarfile.BLKTYPE, type="file").copy(),
    "a pipe": lambda: Folder().special("d", tarfile.FIFOTYPE, type="file").copy(),
    "a type nobody knows": lambda: Folder().special("d", b"Z", type="file").copy(),
    "a contiguous file": lambda: Folder().special("d", tarfile.CONTTYPE, type="file").copy(),
    "a file twice": lambda: Folder().add("a").add("a").copy(),
    "a folder twice": lambda: Folder().directory("a").directory("a").copy(),
    "a file where a folder is": lambda: Folder().directory("a").add("a").copy(),
    "a folder where a file is": lambda: Folder().add("a").directory("a").copy(),
    "something below a file": lambda: Folder().add("a").add("a/b").copy(),
    "the folder itself as a file": lambda: first_line({"type": "file", "size": 0, "sha256": SHA}),
    "the folder itself as a link": lambda: first_line({"type": "symlink", "target": "/"}),
    "a member with another name": lambda: Folder().add("a", raw=plain(f"{ROOT}/b")).copy(),
    "a member with an absolute name": lambda: Folder().add("a", raw=plain("/etc/evil")).copy(),
    "a member renamed by PAX": lambda: Folder().add("a", raw=plain(f"{ROOT}/a", path="/etc/evil")).copy(),
    "a folder that came as a file": lambda: Folder().special("d", tarfile.REGTYPE, type="directory", mode=0o755).copy(),
    "a file that came as a folder": lambda: Folder().special("d", tarfile.DIRTYPE).copy(),
    "a file that came as a link": lambda: Folder().special("d", tarfile.SYMTYPE, "/etc").copy(links_out=True),
    "a member too few": lambda: Folder().add("a").say("b").copy(),
    "a member too many": lambda: Folder().add("a").raw(plain(f"{ROOT}/b")).copy(),
    "very many members that are not listed": lambda: Folder().add("a").raw(many_members()).copy(),
    "a shorter file than listed": lambda: copy_with(size=8),
    "a longer file than listed": lambda: copy_with(size=6),
    "another content than listed": lambda: copy_with(sha256=SHA),
    "no digest": lambda: copy_with(sha256=""),
    "more entries than announced": lambda: Folder().add("a").add("b").copy(entries=2),
    "fewer entries than announced": lambda: Folder().add("a").copy(entries=3),
    "more content than announced": lambda: Folder().add("a", bytes(5000)).copy(content_size=100),
    "a list longer than announced": lambda: Folder().add("a").copy(expected_size=10),
    "a list shorter than announced": lambda: Folder().add("a").copy(expected_size=1 << 40),
    "a line that is no object": lambda: TreeCopy.of([], b"", text=b"[]\n"),
    "a line without a path": lambda: TreeCopy.of([{"type": "file"}], b""),
    "a line without a type": lambda: TreeCopy.of([{"path": "a"}], b""),
    "a very long line": lambda: copy_with(user="x" * (5 << 20)),
    "a size below zero": lambda: copy_with(size=-1),
    "a size as text": lambda: copy_with(size="many"),
    "a size that is infinite": lambda: copy_with(size=float("inf")),
    "a size beyond all": lambda: copy_with(size=1 << 80),
    "a size beyond all, in the member too": lambda: Folder().add(
        "a", b"", raw=plain(f"{ROOT}/a", b"", size=str(1 << 80)), size=1 << 80
    ).copy(content_size=1 << 62),
    "an owner beyond all": lambda: copy_with(uid=1 << 70),
    "an owner below zero": lambda: copy_with(uid=-2),
    "a time beyond all": lambda: copy_with(mtime_ns=1 << 99),
    "an attribute with a NUL in its name": lambda: copy_with(xattrs={"user.a\0b": ""}),
    "an attribute that is not ours to set": lambda: copy_with(xattrs={"trusted.overlay.opaque": "eQ=="}),
    "attributes that are no object": lambda: copy_with(xattrs=["user.a"]),
    "an attribute that is no base64": lambda: copy_with(xattrs={"user.a": "a"}),
    "a PAX header of 2 MiB": lambda: Folder().add("a", raw=extension(2 << 20, content=bytes(2 << 20)) + plain("a")).copy(),
    "a PAX header of 8 GB": lambda: Folder().add("a", raw=extension(8**11 - 1) + plain(f"{ROOT}/a")).copy(),
    "two PAX headers": lambda: Folder().add("a", raw=extension(512, content=bytes(512)) * 2 + plain(f"{ROOT}/a")).copy(),
    "ten thousand PAX headers": lambda: Folder().add("a", raw=extension(0) * 10_000 + plain(f"{ROOT}/a")).copy(),
    "a PAX header for all": lambda: Folder().add("a", raw=extension(512, tarfile.XGLTYPE, bytes(512)) + plain("a")).copy(),
    "a long name of GNU's": lambda: Folder().add("a", raw=extension(5, tarfile.GNUTYPE_LONGNAME, b"/etc\0") + plain("a")).copy(),
    "a sparse file of GNU's old form": lambda: Folder().add("a", raw=plain(f"{ROOT}/a", b"", tarfile.GNUTYPE_SPARSE)).copy(),
    "a header whose sum is wrong": lambda: Folder().add("a", raw=damaged_header(f"{ROOT}/a")).copy(),
    "a header of nonsense": lambda: Folder().add("a", raw=b"\xff" * 512).copy(),
    "a map that goes back": lambda: Folder().add("a", bytes(9), raw=sparse("a", 9, b"2\n5\n2\n1\n2\n", bytes(512))).copy(),
    "a map beyond the end": lambda: Folder().add("a", bytes(9), raw=sparse("a", 9, b"1\n5\n99\n", bytes(512))).copy(),
    "a map below zero": lambda: Folder().add("a", bytes(9), raw=sparse("a", 9, b"1\n-5\n2\n", bytes(512))).copy(),
    "a map with no end": lambda: Folder().add("a", bytes(9), raw=sparse("a", 9, b"99999999\n1\n1\n", bytes(512))).copy(),
    "a map of letters": lambda: Folder().add("a", bytes(9), raw=sparse("a", 9, b"x\ny\n", bytes(512))).copy(),
    "a map whose data is not there": lambda: Folder().add("a", b"x" * 9, raw=sparse("a", 9, b"1\n0\n9\n")).copy(),
}  # fmt: skip
ENDS = ("altered_copy", "damaged_copy", "bad_entry", "links_out", "not_made", "unsafe_copy")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A live folder with something in it, and a link that leads out of it."""
    live = tmp_path / "servers" / "game"
    (live / "world").mkdir(parents=True)
    (live / "world" / "level.dat").write_bytes(b"what is there")
    (live / "out").symlink_to(tmp_path)
    return live


def everything_but_the_workplace(folder: Path) -> dict[bytes, dict[str, Any]]:
    found = snapshot_of(folder)
    return {
        path: {**known, "mtime_ns": 0 if path == b"servers" else known["mtime_ns"]}
        for path, known in found.items()
        if b".fleetsave-" not in path
    }


def send_and_check(restorer: TreeRestorer, copy: TreeCopy) -> None:
    restorer.receive(0, copy.chunks(), lambda _: None)
    restorer.check()


def refusal(restoring: TreeRestoring, copy: TreeCopy, target: Path, **settings: Any) -> RestoreError:
    """Send a copy that is bad, and return why it is refused; nothing but the workplace may be touched."""
    before = everything_but_the_workplace(target.parents[1])
    restorer = restoring.restorer(copy, target, deadline=30, **settings)
    with pytest.raises(RestoreError) as refused:
        send_and_check(restorer, copy)
    assert everything_but_the_workplace(target.parents[1]) == before
    assert not Path("/opt/evil").exists()
    restorer.clean_up()
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    return refused.value


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_copy_is_refused_by_name(tree_restoring: TreeRestoring, target: Path, what: str) -> None:
    refused = refusal(tree_restoring, HOSTILE[what](), target)
    assert refused.reason in ENDS, refused


@pytest.mark.parametrize("paths", [["**"], []])
def test_a_harmless_copy_made_in_the_same_way_is_not_refused(
    tree_restoring: TreeRestoring, target: Path, paths: list[str]
) -> None:
    folder = Folder().directory("d").add("d/a").symlink("l", "d/a").hard_link("b", "d/a")
    folder.add("holes", bytes(5) + b"xy" + bytes(2), raw=sparse("holes", 9, b"1\n5\n2\n", padded(b"xy")))
    assert tree_restoring.delivered(folder.copy(paths=paths), target).received() == len(folder.copy().content)


def test_more_bytes_than_announced_are_refused(tree_restoring: TreeRestoring, target: Path) -> None:
    assert refusal(tree_restoring, Folder().add("a").copy(), target, size=2048).reason == "altered_copy"


def test_fewer_bytes_than_announced_are_refused_and_sent_anew(tree_restoring: TreeRestoring, target: Path) -> None:
    copy = Folder().add("a").copy()
    assert refusal(tree_restoring, copy, target, size=len(copy.content) + 512).reason == "altered_copy"


def test_another_list_than_announced_is_refused(tree_restoring: TreeRestoring, target: Path) -> None:
    copy = Folder().add("a").copy()
    assert refusal(tree_restoring, TreeCopy(copy.content, copy.announced, SHA), target).reason == "altered_copy"


@contextmanager
def suppress_refusal() -> Iterator[None]:
    """Let it be refused, by the name of what a bad copy is."""
    try:
        yield
    except RestoreError as error:
        if error.reason not in ENDS:
            raise


@pytest.mark.parametrize("flipped", range(0, 100, 7))
def test_a_flipped_byte_never_makes_another_file(tree_restoring: TreeRestoring, target: Path, flipped: int) -> None:
    random_content = os.urandom(3000)
    copy = Folder().add("a", random_content).copy()
    content = bytearray(copy.content)
    content[flipped * (len(content) - 1024) // 100] ^= 0xFF
    flipped_copy = TreeCopy(bytes(content), copy.announced, copy.sha256)
    with suppress_refusal():
        send_and_check(tree_restoring.restorer(flipped_copy, target), flipped_copy)
        # It was a byte that says nothing, such as padding.
        assert (next(target.parent.glob(".fleetsave-*")) / "new" / "a").read_bytes() == random_content
