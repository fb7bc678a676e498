"""Whatever a recovery can say, the runbook explains."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import fleetsave
from fleetsave.api.problems import TYPES
from fleetsave.model.recoveries import Reason, Status
from fleetsave.sources.files.restore_refusals import TREE_REFUSALS
from fleetsave.sources.postgres.restore_refusals import RESTORE_REFUSALS as DATABASE_REFUSALS
from fleetsave.sources.sqlite.restore_refusals import RESTORE_REFUSALS
from tests.integration.runbook.page import PAGE

RECOVER = Path(fleetsave.__file__).parent / "recover"
_RAISING = ("_refused", "_failed", "_require_passed")


def rows(heading: str) -> set[str]:
    """Return the words that the table below a heading explains."""
    section = PAGE.read_text().partition(f"### {heading}\n")[2].partition("\n### ")[0]
    firsts = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
    return {word for first in firsts for word in re.findall(r"`([a-z_]+)`", first)}


def reasons_of_the_worker() -> Iterator[str]:
    """Find the reasons that the recover room gives by itself."""
    for file in RECOVER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                is_raising = isinstance(node.func, ast.Name) and node.func.id in _RAISING
                given = [*(node.args if is_raising else ()), *(word.value for word in node.keywords if word.arg == "reason")]
                for value in given:
                    if isinstance(value, ast.Constant) and re.fullmatch(r"[a-z]+(_[a-z]+)*", str(value.value)):
                        yield str(value.value)


def test_every_status_has_a_row() -> None:
    assert rows("What each status means") == {status.value for status in Status}


def test_every_refusal_of_a_request_has_a_row() -> None:
    assert rows("Why a request is refused") == {str(word) for word in (*Reason, *TYPES)}


def test_every_reason_why_a_recovery_fails_has_a_row() -> None:
    of_the_worker = set(reasons_of_the_worker())
    assert {"schema_differs", "hook_failed", "safety_overdue", "upload_stuck"} <= of_the_worker
    assert rows("Why a recovery fails") == {*RESTORE_REFUSALS, *of_the_worker}


def test_every_reason_why_a_databases_recovery_fails_has_a_row() -> None:
    assert rows("Why a database's recovery fails") == set(DATABASE_REFUSALS)


def test_every_reason_why_a_folders_recovery_fails_has_a_row() -> None:
    assert rows("Why a folder's recovery fails") == set(TREE_REFUSALS)


@pytest.mark.parametrize("heading", ["Stalled", "Unresolved", "Cancel, undo", "Where things are on the server"])
def test_the_hard_cases_have_a_section(heading: str) -> None:
    assert f"\n### {heading}\n" in PAGE.read_text()
