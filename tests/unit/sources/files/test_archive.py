"""What comes over the wire is believed only as far as it proves itself."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.archives import ArchiveOrder, ArchiveProblem
from fleetsave.model.errors import CaptureError
from fleetsave.sources.files.archive import ArchiveStream

ORDER = ArchiveOrder("name", "/srv/game", 60, [], [])
BEGIN = b'{"fleetsave": 1, "ok": {"stream": true}}\n'
MANIFEST = b'{"fleetsave_manifest": 1, "snapshot_id": "00"}\n'
DATA = b"members" * 100
PLAIN = DATA + MANIFEST + b"end"


def frame(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(4, "big") + payload


def reply(**changes: Any) -> bytes:
    report = {
        "snapshot_id": "0" * 32, "size": len(PLAIN), "sha256": hashlib.sha256(PLAIN).hexdigest(), "seconds": 1.5,
        "runtime": "python 3.6.9", "manifest_sha256": hashlib.sha256(MANIFEST).hexdigest(), "manifest_size": len(MANIFEST),
        "files": 1, "directories": 1, "links": 0, "content_size": 10, "databases": [], "problems": {"changed": 1},
        "named": [{"path": "files/a", "problem": "changed", "detail": "it was written"}], "notes": [], **changes,
    }  # fmt: skip
    return json.dumps({"fleetsave": 1, "ok": report}).encode()


BODY = frame(b"D", DATA) + frame(b"K", b"") + frame(b"M", MANIFEST) + frame(b"D", b"end")
WHOLE = BEGIN + BODY + frame(b"E", reply())


def reader(data: bytes, size: int = 1 << 20) -> Callable[[int], bytes]:
    rest = bytearray(data)

    def read(asked: int) -> bytes:
        piece = bytes(rest[: min(asked, size)])
        del rest[: len(piece)]
        return piece

    return read


def stream(data: bytes, size: int = 1 << 20, should_stop: Callable[[], bool] = lambda: False) -> ArchiveStream:
    return ArchiveStream(reader(data, size), ORDER, should_stop)


def refusal(data: bytes, should_stop: Callable[[], bool] = lambda: False) -> CaptureError:
    with pytest.raises(CaptureError) as refused:
        list(stream(data, should_stop=should_stop).chunks())
    assert refused.value.target == "/srv/game"
    return refused.value


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_a_whole_archive_is_given_as_it_was_sent(size: int) -> None:
    live = stream(WHOLE, size)
    assert b"".join(live.chunks()) == PLAIN
    report = live.report("key", hashlib.sha256(PLAIN).hexdigest())
    assert (report.method, report.sha256_origin, report.source_path) == ("archive", "source", "/srv/game")
    assert (report.manifest.key, report.manifest.size) == ("key", len(MANIFEST))
    assert report.named == [ArchiveProblem("files/a", "changed", "it was written")]
    assert zstandard.decompress(live.beside) == MANIFEST


def test_what_a_login_writes_before_it_is_passed_over() -> None:
    assert b"".join(stream(b'Welcome!\n{"motd": 1}\n' + WHOLE).chunks()) == PLAIN


@given(st.integers(0, len(WHOLE) - 1))
def test_whatever_is_cut_off_it_is_refused(length: int) -> None:
    refused = refusal(WHOLE[:length])
    assert (refused.reason, refused.retryable) == ("cut_short", True)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"text\n" * 51, "bad_reply"),
        (b"x" * (2 << 20), "bad_reply"),
        (BEGIN + b"D\x00\x10\x00\x01", "bad_reply"),
        (BEGIN + frame(b"X", b"a"), "bad_reply"),
        (BEGIN + frame(b"K", b"a"), "bad_reply"),
        (BEGIN + frame(b"D", b""), "bad_reply"),
        (BEGIN + BODY + frame(b"E", b"{}"), "bad_reply"),
        (BEGIN + BODY + frame(b"E", b"[" * 100_000), "bad_reply"),
        (BEGIN + BODY + frame(b"E", b'{"fleetsave": 1, "ok": {}}'), "bad_reply"),
        (BEGIN + BODY + frame(b"E", reply(size=1)), "altered_in_transit"),
        (BEGIN + BODY + frame(b"E", reply(manifest_sha256="0" * 64)), "altered_in_transit"),
        (BEGIN + BODY + frame(b"E", reply(manifest_size=1)), "altered_in_transit"),
        (BEGIN + BODY + frame(b"E", b'{"fleetsave": 1, "error": "deadline", "cause": "slow"}'), "deadline"),
        (BEGIN + BODY + frame(b"E", b'{"fleetsave": 1, "error": "hot_journal", "cause": "/a.db: it died"}'), "hot_journal"),
        (b'{"fleetsave": 1, "error": "missing", "cause": "no such folder"}\n', "missing"),
        (b'{"fleetsave": 1, "error": "what is this", "cause": "\\udcff"}\n', "what is this"),
    ],
)
def test_what_is_not_as_it_must_be_is_refused_by_name(data: bytes, reason: str) -> None:
    refused = refusal(data)
    assert refused.reason == reason
    assert refused.hint
    str(refused).encode()


def test_bytes_that_are_not_those_the_server_hashed_are_refused() -> None:
    live = stream(WHOLE.replace(b"members", b"nembers", 1))
    content = b"".join(live.chunks())
    with pytest.raises(CaptureError) as refused:
        live.report("key", hashlib.sha256(content).hexdigest())
    assert (refused.value.reason, refused.value.retryable) == ("altered_in_transit", True)


def test_an_archive_that_was_not_read_to_its_end_has_no_report() -> None:
    live = stream(WHOLE)
    next(live.chunks())
    with pytest.raises(CaptureError) as refused:
        live.report("key", "")
    assert refused.value.reason == "cut_short"


@pytest.mark.parametrize("changes", [{"files": "many"}, {"named": [1]}, {"named": [{"path": "a"}]}, {"problems": []}])
def test_a_report_that_is_not_complete_is_refused(changes: dict[str, Any]) -> None:
    live = stream(BEGIN + BODY + frame(b"E", reply(**changes)))
    list(live.chunks())
    with pytest.raises(CaptureError) as refused:
        live.report("key", hashlib.sha256(PLAIN).hexdigest())
    assert refused.value.reason == "bad_reply"


def test_a_name_that_is_not_utf_8_is_written_out_in_the_report() -> None:
    named = [{"path": "files/\udcff", "problem": "unreadable", "detail": ""}]
    live = stream(BEGIN + BODY + frame(b"E", reply(named=named)))
    list(live.chunks())
    assert live.report("key", hashlib.sha256(PLAIN).hexdigest()).named[0].path == r"files/\xff"


def test_it_stops_when_the_time_is_up_even_while_nothing_but_life_signs_come() -> None:
    answers = iter([False] * 3)
    refused = refusal(BEGIN + frame(b"K", b"") * 1_000_000, should_stop=lambda: next(answers, True))
    assert (refused.reason, refused.retryable) == ("too_slow", False)
