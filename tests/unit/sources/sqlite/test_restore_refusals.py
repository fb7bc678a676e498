"""Every reason for which a restore is refused is listed, with a hint, and given somewhere."""

import re
from pathlib import Path

from fleetsave.sources.sqlite import restore_refusals
from fleetsave.sources.sqlite.restore_refusals import RESTORE_REFUSALS, restore_refusal

FOLDER = Path(restore_refusals.__file__).parent
PARTS = ("target", "workplace", "soundness", "survey", "delivery", "in_place", "exchange", "swap", "proof", "recovery", "private")
GIVEN = re.compile(r'(?:Error\(|restore_refusal\([^"\n]*?, |make_private\([^"\n]*, )"(\w+)"')


def test_every_reason_given_is_listed() -> None:
    files = [FOLDER / "restorer.py", *(FOLDER / "server_side" / f"{part}.py" for part in PARTS)]
    given = {reason for file in files for reason in GIVEN.findall(file.read_text())}
    assert len(given) > 20
    assert given <= RESTORE_REFUSALS.keys()


def test_every_reason_listed_is_given_somewhere() -> None:
    doors = [file for door in ("agent", "gate") for file in (FOLDER.parent / door).glob("*.py")]
    files = [*FOLDER.rglob("*.py"), *FOLDER.parent.glob("*.py"), *doors]
    code = "".join(file.read_text() for file in files if not file.name.endswith("refusals.py"))
    assert [reason for reason in RESTORE_REFUSALS if f'"{reason}"' not in code] == []


def test_a_reason_brings_its_hint_and_whether_it_may_pass() -> None:
    locked = restore_refusal("/srv/a.db", "locked", "database is locked")
    assert (locked.operation, locked.target, locked.reason, locked.retryable) == ("restore", "/srv/a.db", "locked", True)
    assert "recovery.before" in locked.hint
    assert not restore_refusal("/srv/a.db", "in_use", "x").retryable


def test_a_reason_of_a_newer_script_is_passed_on() -> None:
    assert restore_refusal("/srv/a.db", "too_green", "x").reason == "too_green"
