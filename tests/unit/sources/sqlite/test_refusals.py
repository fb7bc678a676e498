"""Every reason that the code gives is listed, with a hint."""

import re
from pathlib import Path

from fleetsave.sources.sqlite import refusals
from fleetsave.sources.sqlite.refusals import REFUSALS, refusal
from fleetsave.sources.sqlite.restore_refusals import RESTORE_REFUSALS

_FOLDER = Path(refusals.__file__).parent
_GIVEN = re.compile(r'(?:RefusedError\(|refusal\([^"\n]*?, )"(\w+)"')


def test_every_reason_given_is_listed() -> None:
    given = {reason for file in _FOLDER.rglob("*.py") for reason in _GIVEN.findall(file.read_text())}
    assert len(given) > 15
    assert given <= REFUSALS.keys() | RESTORE_REFUSALS.keys()


def test_every_reason_listed_is_given_somewhere() -> None:
    files = [
        *_FOLDER.rglob("*.py"),
        *_FOLDER.parent.glob("*.py"),
        *(_FOLDER.parent / "agent").glob("*.py"),
        *(_FOLDER.parent / "gate").glob("*.py"),
    ]
    code = "".join(file.read_text() for file in files if not file.name.endswith("refusals.py"))
    assert [reason for reason in REFUSALS if f'"{reason}"' not in code and reason != "nothing_matches"] == []


def test_a_reason_brings_its_hint_and_whether_it_may_pass() -> None:
    locked = refusal("/srv/a.db", "locked", "database is locked")
    assert (locked.reason, locked.retryable, locked.target) == ("locked", True, "/srv/a.db")
    assert "lslocks" in locked.hint


def test_a_reason_of_a_newer_script_is_passed_on() -> None:
    assert refusal("/srv/a.db", "too_green", "x").reason == "too_green"
