"""How a recovery, its plan and a list of recoveries are drawn for a person."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from fleetsave.cli.output import size, table
from fleetsave.model.durations import spell
from fleetsave.model.errors import InvalidInputError
from fleetsave.model.printing import printable
from fleetsave.model.recoveries import Status
from fleetsave.model.slots import Slot

_MEANINGS = {
    Status.QUEUED: "it waits for its turn",
    Status.RUNNING: "it is at work",
    Status.STALLED: "nobody works on it any more; docs/runbook-recovery.md says what to do",
    Status.CANCELLING: "it was asked to stop, and will before anything is replaced",
    Status.ROLLING_BACK: "something was wrong after the swap; what was there is being brought back",
    Status.RECOVERED: "done, and proven on the server",
    Status.ROLLED_BACK: "it failed after the swap; what was there has been brought back",
    Status.CANCELLED: "it was stopped; nothing was replaced",
    Status.FAILED: "it failed before anything was replaced",
    Status.UNRESOLVED: "A PERSON MUST LOOK AT THE SERVER NOW; docs/runbook-recovery.md says how",
}


_TABLES_SHOWN = 20


def draw_plan(console: Console, plan: Mapping[str, Any], now: datetime) -> None:
    """Draw what a recovery will do: which backup and how old, where to, in which steps, and what to mind."""
    console.print(f"backup  {printable(plan['backup_key'])}", soft_wrap=True)
    console.print(f"        {plan['verdict']}, {_age(plan['backup_slot'], now)}, {size(plan['plain_size'])}")
    console.print(f"to      {plan['target_server_id']}:{printable(plan['target_path'])}", soft_wrap=True)
    console.print("\nsteps")
    for number, step in enumerate(plan["steps"], 1):
        console.print(f"  {number}. {printable(step)}", soft_wrap=True)
    _draw_comparison(console, plan.get("comparison") or [], _now(str(plan.get("compared_with"))))
    for warning in plan["warnings"]:
        console.print(f"\nmind: {printable(warning)}", soft_wrap=True)


def _now(compared_with: str) -> str:
    """Return where rows were counted that stand for now: in a backup, named by its slot, or in what the API says."""
    is_slot = compared_with[:1].isdigit()
    return f"in the newest verified backup, {compared_with}" if is_slot else f"in {compared_with}"


def draw_recovery(console: Console, recovery: Mapping[str, Any]) -> None:
    """Draw where a recovery stands, what was found, and what can be done now."""
    status = Status(recovery["status"])
    target = recovery["target"]
    console.print(f"{recovery['id']}: {status.value.replace('_', ' ')}: {_MEANINGS[status]}", soft_wrap=True)
    console.print(f"  backup  {printable(recovery['backup_key'] or 'not selected yet')}", soft_wrap=True)
    console.print(f"  to      {target['server_id']}:{printable(target['path'] or 'where it came from')}", soft_wrap=True)
    if recovery["undo_of"]:
        console.print(f"  undoes  {recovery['undo_of']}")
    console.print(table(("  at", "step", "detail"), (_step(step) for step in recovery["steps"])))
    survey = recovery["survey"]
    if survey:
        _draw_comparison(console, survey.get("comparison") or [], "when it was looked at")
        for note in survey["notes"]:
            console.print(f"  {printable(note)}", soft_wrap=True)
    if recovery["problem"]:
        _draw_problem(console, recovery["problem"])
    if recovery["proof"]:
        _draw_proof(console, recovery["proof"])
    _draw_ways_on(console, recovery)


def draw_list(console: Console, recoveries: Sequence[Mapping[str, Any]]) -> None:
    """Draw one line for each recovery."""
    columns = ("recovery", "state", "asked at", "by", "backup", "undoes")
    console.print(table(columns, (_line(one) for one in recoveries)))
    console.print(f"{len(recoveries)} recoveries")


def _draw_comparison(console: Console, tables: Sequence[Mapping[str, Any]], now: str) -> None:
    """Draw the rows of the tables that are not as they were; `now` says when they were counted."""
    if not tables:
        return
    differing = [one for one in tables if one["rows_now"] != one["rows_then"]]
    console.print(f"\nrows of {len(tables)} tables {printable(now)}, and in the backup: {len(tables) - len(differing)} are equal")
    if differing:
        console.print(table(("  table", "now", "in the backup"), (_rows(one) for one in differing[:_TABLES_SHOWN])))
    if len(differing) > _TABLES_SHOWN:
        console.print(f"  and {len(differing) - _TABLES_SHOWN} more; --json has all of them")


def _rows(one: Mapping[str, Any]) -> tuple[str, ...]:
    now, then = one["rows_now"], one["rows_then"]
    about = "about " if one["is_estimate"] else ""
    return (
        f"  {one['table']}",
        "no such table" if now is None else f"{about}{now}",
        "no such table" if then is None else str(then),
    )


def _age(slot: str, now: datetime) -> str:
    """Tell how old a backup is: what was written since is lost by restoring it."""
    try:
        age = now - Slot.parse(slot).at
    except InvalidInputError:
        return f"of {printable(slot)}"
    since = timedelta(seconds=max(0, int(age.total_seconds())))
    return f"taken {spell(since)} ago: what was written since is lost"


def _step(step: Mapping[str, Any]) -> tuple[str, ...]:
    return (f"  {_moment(step['at'])}", step["state"], step["detail"])


def _line(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        one["id"],
        one["state"] + ("" if one["is_finished"] else " (under way)"),
        _moment(one["requested_at"]),
        one["requested_by"],
        one["backup_key"] or "the newest verified",
        one["undo_of"] or "",
    )


def _moment(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return text


def _draw_problem(console: Console, problem: Mapping[str, Any]) -> None:
    reason = f" ({problem['reason']})" if problem["reason"] else ""
    console.print(
        f"\nproblem: could not {printable(problem['operation'])} {printable(problem['target'])}{reason}", soft_wrap=True
    )
    console.print(f"  cause: {printable(problem['cause'])}\n  hint:  {printable(problem['hint'])}", soft_wrap=True)


def _draw_proof(console: Console, proof: Mapping[str, Any]) -> None:
    swap = proof["swap"]
    if swap:
        console.print(f"\nswapped {swap['method'].replace('_', ' ')} in {swap['seconds']:.2f} s")
        if swap["kept"]:
            console.print(f"  what was there is kept at {printable(swap['kept'])}", soft_wrap=True)
        for note in swap["notes"]:
            console.print(f"  {printable(note)}", soft_wrap=True)
    if proof["findings"]:
        rows = ((f"  {found['check']}", found["outcome"], found["detail"]) for found in proof["findings"])
        console.print("\nproof, found on the server:")
        console.print(table(("  check", "outcome", "detail"), rows))


def _draw_ways_on(console: Console, recovery: Mapping[str, Any]) -> None:
    safety = recovery["safety_backup"]
    if safety:
        console.print(f"\nsafety backup: {printable(safety['backup_key'] or safety['detail'])}", soft_wrap=True)
    if recovery["can_undo"]:
        console.print(f"to undo it:   fleetsave recover undo {recovery['id']}")
    if recovery["can_cancel"]:
        console.print(f"to stop it:   fleetsave recover cancel {recovery['id']}")
    if not recovery["is_finished"]:
        console.print(f"to follow it: fleetsave recover watch {recovery['id']}")
