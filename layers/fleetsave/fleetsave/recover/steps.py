"""The steps of a recovery that goes well; each does its work, which may be repeated, and then writes its record."""

from collections.abc import Callable

from fleetsave.model.errors import RestoreError
from fleetsave.model.keys import BackupKey
from fleetsave.model.kinds import Kind
from fleetsave.model.records import Finding, Outcome
from fleetsave.model.recoveries import Recovery
from fleetsave.model.recovery_records import RecoveryState, Survey, SwapMethod, TargetState
from fleetsave.planning.plan import make_plan
from fleetsave.recover.run import Run
from fleetsave.recover.safety import is_damaged, secure
from fleetsave.recover.transfer import bring, upload
from fleetsave.sources.base import CopyReport

Step = Callable[[Run], None]

_FOLDERS = (Kind.FILES, Kind.FULL)
_SECONDS_TO_SWAP = 420.0
"""A run that has not so long left hands on before it stops the game: a fresh one has twice that, and the game does not wait."""


def next_step(recovery: Recovery) -> Step:
    """Return what is to be done next, by what the records say has been done."""
    return _AFTER[recovery.reached]


def _select(run: Run) -> None:
    request = run.recovery.request
    run.ports.recoveries.remember(run.id, request)
    plan = make_plan(request, run.ports.fleet, run.ports.catalog)
    run.say(RecoveryState.SELECTED, f"restore {plan.backup_key} to {plan.target_server_id}:{plan.target_path}", plan=plan)


def _inspect(run: Run) -> None:
    survey = run.on_server(lambda restorer: restorer.survey())
    plan = run.plan
    _require_known_schema(run, survey, plan.fingerprint.schema_sha256 if plan.fingerprint else None)
    # Files and folders are moved aside under whoever has them open; PostgreSQL closes its own connections.
    is_moved = plan.kind in _FOLDERS or (plan.kind is not Kind.POSTGRESQL and _must_be_set_aside(survey))
    if is_moved and survey.open_by and plan.before is None:
        raise _refused(
            run, f"it is {survey.target_state}, and {', '.join(survey.open_by)} has it open", "in_use",
            "Stop the game first, or name a command that does in recovery.before of the fleet file.",
        )  # fmt: skip
    free = "its free room cannot be seen" if survey.room_free is None else f"{survey.room_free} bytes are free"
    run.say(
        RecoveryState.INSPECTED,
        f"the target is {survey.target_state}, {free} and at most {survey.room_needed} needed{_compared(survey)}",
        survey=survey,
    )


def _check(run: Run) -> None:
    report = _whole_copy(run)
    survey = run.recovery.survey
    if survey is not None:
        _require_known_schema(run, survey, report.fingerprint.schema_sha256)
    _require_passed(run, report.findings, "damaged_copy", "Choose another backup; this one is not what was captured.")
    run.say(
        RecoveryState.CHECKED, f"the copy on the server is whole: {report.size} bytes, SHA-256 {report.sha256}",
        findings=report.findings,
    )  # fmt: skip


def _stop(run: Run) -> None:
    """Stop the game, if it is known how; the record before it tells that it may be stopped from now on."""
    run.require_time(_SECONDS_TO_SWAP)
    command = run.plan.before
    if command is None:
        _begin_swap(run)
        return
    if not run.recovery.has(RecoveryState.STOPPING):
        run.say(RecoveryState.STOPPING, f"running: {command}")
    run.say(RecoveryState.STOPPED, run.run_hook("before", command))


def _begin_swap(run: Run) -> None:
    run.say(RecoveryState.SWAPPING, f"method: {_method(run)}")


def _swap(run: Run) -> None:
    # A folder that was replaced is kept beside, for it is there already; a database only where no backup could be made of it.
    method, keep_aside = _method(run), run.plan.kind in _FOLDERS or not _is_backed_up(run)
    report = run.on_server(lambda restorer: restorer.swap(method, keep_aside=keep_aside))
    after = "; a program has written since" if report.moved_on else ""
    run.say(RecoveryState.SWAPPED, f"swapped ({report.method}) in {report.seconds:.2f} s{after}", swap=report)


def _start(run: Run) -> None:
    command = run.plan.after
    if command is None:
        _prove(run)
        return
    run.say(RecoveryState.STARTED, run.run_hook("after", command))


def _prove(run: Run) -> None:
    findings = run.on_server(lambda restorer: restorer.verify())
    _require_passed(run, findings, "not_whole", "It is rolled back; look at the findings.")
    run.say(RecoveryState.RECOVERED, f"proven: {'; '.join(str(one.detail) for one in findings)}"[:1000], findings=findings)


_AFTER: dict[RecoveryState, Step] = {
    RecoveryState.REQUESTED: _select,
    RecoveryState.SELECTED: _inspect,
    RecoveryState.INSPECTED: secure,
    RecoveryState.SECURED: upload,
    RecoveryState.UPLOADED: _check,
    RecoveryState.CHECKED: _stop,
    RecoveryState.STOPPING: _stop,
    RecoveryState.STOPPED: _begin_swap,
    RecoveryState.SWAPPING: _swap,
    RecoveryState.SWAPPED: _start,
    RecoveryState.STARTED: _prove,
}


def _whole_copy(run: Run) -> CopyReport:
    """Have the copy checked; one that was altered on its way is thrown away by the server, and comes once more."""
    bring(run)
    run.require_time(run.target.seconds_in_one_go)
    try:
        return run.on_server(lambda restorer: restorer.check())
    except RestoreError as error:
        if error.reason not in ("altered_copy", "no_copy"):
            raise
    bring(run)
    return run.on_server(lambda restorer: restorer.check())


def _compared(survey: Survey) -> str:
    """Say how much there is now and was then, where that was counted; who looks at it can still cancel."""
    if not survey.comparison:
        return ""
    now = [table.rows_now for table in survey.comparison if table.rows_now is not None]
    then = [table.rows_then for table in survey.comparison if table.rows_then is not None]
    here, there = f"{sum(now)} rows in {len(now)} tables", f"{sum(then)} rows in {len(then)} tables"
    return f"; {here} are there now, {there} in the backup; until the swap it can be cancelled"


def _must_be_set_aside(survey: Survey) -> bool:
    return survey.target_state in (TargetState.EMPTY, TargetState.DAMAGED, TargetState.FOREIGN)


def _method(run: Run) -> SwapMethod:
    """Choose how the copy takes the target's place, from what the records say."""
    survey = run.recovery.survey
    if survey is None or survey.target_state is TargetState.MISSING:
        return SwapMethod.PLACE
    if run.plan.kind is Kind.POSTGRESQL:
        return SwapMethod.RENAME
    if run.plan.kind in _FOLDERS or _must_be_set_aside(survey) or is_damaged(run):
        return SwapMethod.SET_ASIDE
    # Plans made before they told it are still under way for a while after an update.
    pages = run.plan.page_size or run.ports.catalog.stored(BackupKey.parse(run.plan.backup_key)).snapshot.page_size
    # SQLite's backup cannot change the page size of a WAL database.
    if survey.journal_mode == "wal" and survey.page_size != pages:
        return SwapMethod.SET_ASIDE
    return SwapMethod.IN_PLACE


def _is_backed_up(run: Run) -> bool:
    safety = run.recovery.safety
    return safety is not None and safety.backup_key is not None and not is_damaged(run)


def _require_known_schema(run: Run, survey: Survey, schema_sha256: str | None) -> None:
    """Raise RestoreError if the target's schema is not the backup's: the game may not be able to read what it once wrote."""
    if run.recovery.request.allow_schema_change or None in (survey.schema_sha256, schema_sha256):
        return
    if survey.schema_sha256 != schema_sha256:
        raise _refused(
            run, "the backup's tables are not those of the database that is there", "schema_differs",
            "If that is meant (an update changed them, or they were damaged), ask again with allow_schema_change.",
        )  # fmt: skip


def _require_passed(run: Run, findings: list[Finding], reason: str, hint: str) -> None:
    failed = [f"{one.check}: {one.detail}" for one in findings if one.outcome is Outcome.FAILED]
    if failed:
        raise _refused(run, "; ".join(failed)[:1000], reason, hint)


def _refused(run: Run, cause: str, reason: str, hint: str) -> RestoreError:
    return RestoreError("recover", f"{run.plan.target_server_id}:{run.plan.target_path}", cause, hint, reason=reason)
