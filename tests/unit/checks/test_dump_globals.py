"""The object beside a dump is the one that was written, or it is held against the dump."""

import hashlib

from fleetsave.checks import dump_globals
from fleetsave.model.dumps import GlobalsReport
from fleetsave.model.records import Level, Outcome

CONTENT = b"CREATE ROLE app;\n"
REPORT = GlobalsReport("central/postgresql/x_globals.sql", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


def test_the_very_bytes_pass() -> None:
    (finding,) = dump_globals.check(REPORT, CONTENT)
    assert (finding.outcome, finding.level) == (Outcome.PASSED, Level.CHECKSUM)


def test_none_others_and_more_are_told_apart() -> None:
    for content, said in (
        (None, "there is no object at central/postgresql/x_globals.sql"),
        (CONTENT[:-1], f"{len(CONTENT) - 1} bytes are stored"),
        (CONTENT + b"x", "at least"),
        (CONTENT.lower(), "sha256 of central/postgresql/x_globals.sql is"),
    ):
        (finding,) = dump_globals.check(REPORT, content)
        assert finding.outcome is Outcome.FAILED
        assert said in finding.detail
