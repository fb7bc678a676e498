"""The first hundred bytes, the length and the capture report must tell the same story."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from fleetsave.checks import sqlite_header
from fleetsave.model.records import CaptureReport, Level, Outcome
from tests.fixtures.stored_backups import capture_report


def database(path: Path, page_size: int) -> bytes:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"PRAGMA page_size={page_size}; CREATE TABLE t (a); INSERT INTO t VALUES (1);")
    return path.read_bytes()


def outcome(header: bytes, length: int, report: CaptureReport) -> Outcome:
    (finding,) = sqlite_header.check(header, length, report)
    assert finding.level is Level.COMPLETE
    return finding.outcome


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_every_page_size_of_sqlite_passes(tmp_path: Path, page_size: int) -> None:
    plain = database(tmp_path / "a.db", page_size)
    report = capture_report(plain, None)
    assert report.page_size == page_size
    assert outcome(plain[:100], len(plain), report) is Outcome.PASSED


def test_a_length_a_page_size_or_a_page_count_of_its_own_fails(tmp_path: Path) -> None:
    plain = database(tmp_path / "a.db", 4096)
    report = capture_report(plain, None)
    assert outcome(plain[:100], len(plain) - 1, report) is Outcome.FAILED
    assert outcome(plain[:100], len(plain), replace(report, page_size=8192, page_count=1)) is Outcome.FAILED
    assert outcome(plain[:100], len(plain) + 4096, replace(report, page_count=3)) is Outcome.FAILED


def test_a_page_count_in_the_header_counts_only_if_it_is_up_to_date(tmp_path: Path) -> None:
    plain = bytearray(database(tmp_path / "a.db", 4096))
    report = capture_report(bytes(plain), None)
    plain[28:32] = (9).to_bytes(4, "big")
    assert outcome(bytes(plain[:100]), len(plain), report) is Outcome.FAILED
    plain[92:96] = bytes(4)
    assert outcome(bytes(plain[:100]), len(plain), report) is Outcome.PASSED


@pytest.mark.parametrize("header", [b"", b"SQLite format 3\0", b"\x8f" * 100, b"PK\x03\x04" + bytes(96), bytes(100)])
def test_what_is_no_database_fails(tmp_path: Path, header: bytes) -> None:
    report = capture_report(database(tmp_path / "a.db", 4096), None)
    assert outcome(header, report.size, report) is Outcome.FAILED
