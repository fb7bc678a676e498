"""A recovery is shown before it is begun, begun only if somebody agrees, and followed to an exit code that tells how it ended."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from pydantic import TypeAdapter

from fleetsave.model.recoveries import Status
from fleetsave.model.recovery_records import RecoveryState, SwapMethod, SwapReport, TableRows
from tests.fakes.recovery_api import URL, ok, problem
from tests.unit.cli.conftest import CommandLine
from tests.unit.cli.recoveries import FAILED, ID, KEY, PATH, SAFETY_KEY, WELL, dry_run, shown

START = "POST /backup/recover"
GET = f"GET /backup/recover/{ID}"
UNDO = f"POST /backup/recover/{ID}/undo"
QUEUED = (RecoveryState.REQUESTED,)
UPLOADING = WELL[: WELL.index(RecoveryState.UPLOADED)]
STOPPED = (*WELL[: WELL.index(RecoveryState.SWAPPED) + 1], RecoveryState.ROLLING_BACK)


def script(fleetsave: CommandLine, *seen: dict[str, Any]) -> None:
    """Have the API answer a dry run, a start, and then each look in turn; no waiting in between."""
    fleetsave.api.answer(START, ok(dry_run()), ok(shown(*QUEUED), 202, Retry_After="0"))
    fleetsave.api.answer(GET, *(ok(one, Retry_After="0") for one in seen))


def typing(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(f"{text}\n"))


def test_the_plan_is_shown_the_servers_id_typed_and_the_proof_printed(
    fleetsave: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(fleetsave, shown(*QUEUED), shown(*UPLOADING, done=1 << 19), shown(*WELL))
    typing(monkeypatch, "server_001")
    assert fleetsave("recover", "start", "server_001") == 0
    for words in (
        KEY,
        f"server_001:{PATH}",
        "ago: what was written since is lost",
        "2. restore it",
        "no stop command",
        "integrity_check says ok",
    ):
        assert words in fleetsave.out
    assert f"fleetsave recover undo {ID}" in fleetsave.out
    assert "uploaded: detail of uploaded" in fleetsave.err
    planned, begun = fleetsave.api.bodies(START)
    assert planned == {"server_id": "server_001", "backup_type": "database", "dry_run": True}
    assert begun == {"server_id": "server_001", "backup_type": "database", "backup_key": KEY}


@pytest.mark.parametrize("answer", ["", "y", "server_002"])
def test_nothing_is_begun_unless_the_servers_id_is_typed(
    fleetsave: CommandLine, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    script(fleetsave, shown(*WELL))
    typing(monkeypatch, answer)
    assert fleetsave("recover", "start", "server_001") == 4
    assert len(fleetsave.api.bodies(START)) == 1


def test_nobody_is_asked_in_json_and_one_document_is_printed(fleetsave: CommandLine) -> None:
    script(fleetsave, shown(*WELL))
    assert fleetsave("recover", "start", "server_001", "--json") == 4
    assert fleetsave.document["error"] == "NotConfirmedError"
    script(fleetsave, shown(*WELL))
    assert fleetsave("recover", "start", "server_001", "--json", "--yes") == 0
    assert fleetsave.document["status"] == "recovered"


def test_a_dry_run_ends_with_the_plan(fleetsave: CommandLine) -> None:
    script(fleetsave)
    assert fleetsave("recover", "start", "server_001", "--dry-run", "--json") == 0
    assert fleetsave.document["plan"]["backup_key"] == KEY
    assert [body["dry_run"] for body in fleetsave.api.bodies(START)] == [True]


def test_the_central_server_has_postgresql_if_nothing_else_is_said(fleetsave: CommandLine) -> None:
    for options, kind in (((), "postgresql"), (("--type", "database"), "database")):
        script(fleetsave)
        assert fleetsave("recover", "start", "central", *options, "--dry-run", "--json") == 0
        assert fleetsave.api.bodies(START)[-1]["backup_type"] == kind


def test_the_rows_now_and_then_are_shown_where_they_differ(fleetsave: CommandLine) -> None:
    rows = [TableRows("public.players", 3, 5), TableRows("public.same", 7, 7), TableRows("public.gone", None, 1)]
    planned = dry_run()
    planned["plan"] |= TypeAdapter(dict[str, list[TableRows]]).dump_python({"comparison": rows}, mode="json")
    planned["plan"]["compared_with"] = "20240101_120000"
    fleetsave.api.answer(START, ok(planned))
    assert fleetsave("recover", "start", "central", "--dry-run") == 0
    assert "rows of 3 tables in the newest verified backup, 20240101_120000, and in the backup: 1 are equal" in fleetsave.out
    assert "no such table" in fleetsave.out
    assert "public.same" not in fleetsave.out


def test_every_option_reaches_the_api(fleetsave: CommandLine) -> None:
    script(fleetsave)
    options = ("--at", "2024-01-01T12:00:00", "--artifact", "bank", "--to-path", "/srv/b.db", "--to-server", "server_002")
    assert (
        fleetsave("recover", "start", "server_001", *options, "--allow-unverified", "--allow-schema-change", "--no-wait", "--yes")
        == 0
    )
    planned, begun = fleetsave.api.bodies(START)
    common = {
        "server_id": "server_001",
        "backup_type": "database",
        "target": {"path": "/srv/b.db", "server_id": "server_002", "allow_other_server": True},
        "allow_unverified": True,
        "allow_schema_change": True,
    }
    assert planned == {**common, "at": "2024-01-01T12:00:00+00:00", "artifact": "bank", "dry_run": True}
    assert begun == {**common, "backup_key": KEY}
    assert f"fleetsave recover watch {ID}" in fleetsave.out


def test_a_lost_reply_is_asked_for_again_with_the_same_key(fleetsave: CommandLine) -> None:
    script(fleetsave, shown(*WELL))
    fleetsave.api.answer(START, ok(dry_run()), ReadTimeoutError(endpoint_url=URL), ok(shown(*QUEUED), 202))
    assert fleetsave("recover", "start", "server_001", "--yes") == 0
    keys = [one.headers.get("idempotency-key") for one in fleetsave.api.asked if one.path == "/backup/recover"]
    assert keys[0] is None
    assert keys[1] == keys[2]
    assert len(str(keys[1])) == 36


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        (shown(*WELL), 0),
        (shown(*FAILED), 8),
        (shown(*STOPPED, RecoveryState.ROLLED_BACK), 8),
        (shown(*QUEUED, RecoveryState.CANCELLED), 8),
        (shown(*STOPPED, RecoveryState.UNRESOLVED), 9),
        (shown(*UPLOADING, later=timedelta(hours=1)), 9),
    ],
    ids=["recovered", "failed", "rolled_back", "cancelled", "unresolved", "stalled"],
)
def test_how_it_ended_is_the_exit_code(fleetsave: CommandLine, resource: dict[str, Any], code: int) -> None:
    script(fleetsave, resource)
    assert fleetsave("recover", "watch", ID, "--json") == code
    assert fleetsave.document == resource
    assert fleetsave("recover", "watch", ID) == code
    assert resource["status"].replace("_", " ") in fleetsave.out


def test_a_failure_is_told_with_cause_and_hint(fleetsave: CommandLine) -> None:
    script(fleetsave, shown(*FAILED))
    assert fleetsave("recover", "show", ID) == 0
    assert "(no_room)" in fleetsave.out
    assert "hint:  Make room." in fleetsave.out


@pytest.mark.parametrize("status", list(Status))
def test_every_status_can_be_shown(fleetsave: CommandLine, status: Status) -> None:
    script(fleetsave, shown(*QUEUED) | {"status": status.value})
    assert fleetsave("recover", "show", ID) == 0
    assert status.value.replace("_", " ") in fleetsave.out


def test_an_interrupt_ends_the_watching_and_not_the_recovery(fleetsave: CommandLine) -> None:
    fleetsave.api.answer(GET, ok(shown(*UPLOADING), Retry_After="0"), KeyboardInterrupt)
    assert fleetsave("recover", "watch", ID) == 130
    assert f"goes on. To follow it: fleetsave recover watch {ID}" in fleetsave.err
    assert {one.method for one in fleetsave.api.asked} == {"GET"}


def test_an_api_that_is_away_for_a_while_does_not_end_the_watching(
    fleetsave: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleetsave.cli.recovery_watch.time.sleep", lambda _: None)
    away = [ReadTimeoutError(endpoint_url=URL)] * 4
    fleetsave.api.answer(GET, *away, ok(shown(*WELL)))
    assert fleetsave("recover", "watch", ID) == 0
    assert "asking again" in fleetsave.err


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        (404, "unknown_recovery", 5),
        (410, "pruned", 5),
        (409, "recovery_running", 4),
        (422, "invalid_input", 2),
        (500, "defect", 7),
        (503, "unavailable", 7),
        (403, None, 7),
    ],
)
def test_a_problem_is_an_error_with_the_code_of_its_kind(
    fleetsave: CommandLine, status: int, reason: str | None, code: int
) -> None:
    fleetsave.api.answer(GET, problem(status, reason, hint="Do this."))
    assert fleetsave("recover", "show", ID) == code
    assert "hint:  Do this." in fleetsave.err
    assert fleetsave("recover", "show", ID, "--json") == code
    assert (fleetsave.document["status"], fleetsave.document.get("reason")) == (str(status), reason)


def test_what_is_no_id_is_refused_before_anything_is_asked(fleetsave: CommandLine) -> None:
    for arguments in (
        ("show", "../x"),
        ("watch", "server_001"),
        ("cancel", "a b.000001"),
        ("undo", ID + "/"),
        ("start", "Server 1"),
    ):
        assert fleetsave("recover", *arguments) == 2
    assert fleetsave("recover", "start", "server_001", "--backup", KEY, "--at", "2024-01-01") == 2
    assert fleetsave("recover", "start", "server_001", "--at", "yesterday") == 2
    assert fleetsave.api.asked == []


def test_pages_of_recoveries_are_listed_as_one(fleetsave: CommandLine) -> None:
    def page(number: int, cursor: str | None) -> dict[str, Any]:
        summary = {
            "id": f"server_001.{number:06d}",
            "state": "recovered",
            "is_finished": True,
            "backup_key": None,
            "requested_by": "anna",
            "requested_at": "2024-01-01T13:00:00Z",
            "undo_of": None,
        }
        return {"recoveries": [summary], "next_cursor": cursor}

    fleetsave.api.answer("GET /backup/recover?server_id=server_001", ok(page(2, "more")))
    fleetsave.api.answer("GET /backup/recover?server_id=server_001&cursor=more", ok(page(1, None)))
    assert fleetsave("recover", "list", "--server", "server_001", "--json") == 0
    assert [one["id"] for one in fleetsave.document["recoveries"]] == ["server_001.000002", "server_001.000001"]
    assert fleetsave("recover", "list", "--server", "server_001", "--limit", "1") == 0
    assert "1 recoveries" in fleetsave.out
    assert "2024-01-01 13:00:00" in fleetsave.out


def test_a_recovery_is_cancelled(fleetsave: CommandLine) -> None:
    fleetsave.api.answer(f"POST /backup/recover/{ID}/cancel", ok(shown(*QUEUED, RecoveryState.CANCEL_REQUESTED), 202))
    assert fleetsave("recover", "cancel", ID) == 0
    assert "cancelling" in fleetsave.out


def test_undoing_names_what_comes_back_and_is_followed(fleetsave: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    fleetsave.api.answer(GET, ok(shown(*WELL)))
    second = ID.replace("000001", "000002")
    fleetsave.api.answer(UNDO, ok(shown(*QUEUED) | {"id": second, "undo_of": ID}, 202))
    fleetsave.api.answer(f"GET /backup/recover/{second}", ok(shown(*WELL) | {"id": second, "undo_of": ID}))
    typing(monkeypatch, "no")
    assert fleetsave("recover", "undo", ID) == 4
    assert SAFETY_KEY in fleetsave.err
    assert fleetsave.api.bodies(UNDO) == []
    typing(monkeypatch, "server_001")
    assert fleetsave("recover", "undo", ID) == 0
    assert f"undoes  {ID}" in fleetsave.out


def test_what_cannot_be_undone_says_where_the_old_database_is(fleetsave: CommandLine) -> None:
    swap = SwapReport(SwapMethod.SET_ASIDE, 0.1, None, moved_on=False, kept="/srv/game/.fleetsave-server_001.000001/aside")
    failed = shown(*FAILED)
    kept = shown(*WELL, swap=swap) | {"can_undo": False}
    for resource, words in ((failed, "recover show"), (kept, "/aside")):
        fleetsave.api.answer(GET, ok(resource))
        assert fleetsave("recover", "undo", ID, "--yes", "--json") == 4
        assert fleetsave.document["reason"] == "nothing_to_undo"
        assert words in fleetsave.document["hint"]


def test_what_a_server_said_cannot_steer_the_terminal(fleetsave: CommandLine) -> None:
    fleetsave.api.answer(GET, ok(shown(*QUEUED, RecoveryState.FAILED, detail="\x1b[2Jgone")))
    assert fleetsave("recover", "watch", ID) == 8
    assert "\x1b[2J" not in fleetsave.out + fleetsave.err
    assert "\\x1b[2J" in fleetsave.out


def test_on_a_terminal_a_bar_tells_the_step_and_the_bytes(fleetsave: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    script(fleetsave, shown(*UPLOADING, done=1 << 19), shown(*WELL))
    assert fleetsave("recover", "watch", ID) == 0
    assert "step 4 of 11: uploading the backup" in fleetsave.err
    assert "0.5/1.0 MiB" in fleetsave.err
    assert "uploading" not in fleetsave.out
