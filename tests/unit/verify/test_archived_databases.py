"""Databases inside an archive are restored one at a time; of very many, each kind of finding is counted."""

from collections import Counter
from pathlib import Path

import pytest

from fleetsave.model.errors import VerificationError
from fleetsave.model.records import Level, Outcome
from fleetsave.verify import archived_databases
from fleetsave.verify.archived_databases import ArchivedDatabases
from tests.fixtures.archive_pieces import database, database_content
from tests.fixtures.hostile.altering import told_of


def test_a_database_is_on_the_disk_only_while_it_is_judged(tmp_path: Path) -> None:
    content, fingerprint = database_content(tmp_path)
    databases = ArchivedDatabases(tmp_path, "archive", lambda: 30)
    judge = databases.restore(told_of(database("databases/a.db", content, fingerprint)), iter([content[:5_000], content[5_000:]]))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [content]
    assert databases.findings == []
    judge()
    assert list(tmp_path.iterdir()) == []
    assert {finding.outcome for finding in databases.findings} == {Outcome.PASSED}


def test_beyond_the_first_each_kind_of_finding_is_counted_and_its_first_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archived_databases, "_NAMED", 2)
    content, fingerprint = database_content(tmp_path)
    databases = ArchivedDatabases(tmp_path, "archive", lambda: 30)
    for number in range(5):
        print_of = None if number == 4 else fingerprint
        databases.restore(told_of(database(f"databases/{number}.db", content, print_of)), iter([content]))()
    names = Counter(finding.check.partition(":")[0] for finding in databases.findings)
    assert set(names) == {"databases/0.db", "databases/1.db", "further_databases"}
    further = {(f.outcome, f.level): f.detail for f in databases.findings if f.check == "further_databases"}
    assert further[Outcome.PASSED, Level.RESTORED].startswith("9 checks like: databases/2.db: integrity")
    assert further[Outcome.SKIPPED, Level.EQUAL_TO_SOURCE].startswith("1 checks like: databases/4.db: fingerprint")


def test_a_database_that_has_no_room_is_no_finding_and_nothing_of_it_is_written(tmp_path: Path) -> None:
    entry = told_of(database("databases/a.db", bytes(4096), None, size=1 << 60))
    with pytest.raises(VerificationError, match=r"'databases/a.db' of archive.*too large"):
        ArchivedDatabases(tmp_path, "archive", lambda: 30).restore(entry, iter([b"x"]))
    assert list(tmp_path.iterdir()) == []
