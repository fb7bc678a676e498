"""A check is one SELECT, or it never reaches a server."""

import pytest

from fleetsave.model.errors import CaptureError
from fleetsave.sources.sqlite.owner_checks import require_selects


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "select ';' ; ",
        "  -- how much money\nSELECT sum(balance) FROM accounts; -- all of it",
        "/* a; b */ WITH t AS (SELECT 1 AS a) SELECT a FROM t",
        "VALUES (1)",
        'SELECT "a;b" FROM t',
    ],
)
def test_a_single_select_is_accepted(sql: str) -> None:
    require_selects("/srv/a.db", {"money": sql})


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "DELETE FROM accounts",
        "PRAGMA journal_mode=DELETE",
        "ATTACH '/etc/x' AS y",
        "SELECTED",
        "SELECT 1; DELETE FROM accounts",
        "SELECT ';'; SELECT 2",
        "-- SELECT 1",
        ".shell true",
        "SELECT 1\0",
    ],
)
def test_anything_else_is_refused(sql: str) -> None:
    with pytest.raises(CaptureError) as refused:
        require_selects("/srv/a.db", {"good": "SELECT 1", "money": sql})
    assert refused.value.reason == "bad_check"
    assert "'money'" in refused.value.cause
    assert not refused.value.retryable
