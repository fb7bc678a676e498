"""How a recovery ends that does not go well: nothing touched, rolled back, or left to a person."""

from collections.abc import Callable

from fleetsave.model.errors import ConfigurationError, FleetsaveError, RestoreError, TransportError
from fleetsave.model.kinds import Kind
from fleetsave.model.records import Finding, Outcome
from fleetsave.model.recovery_records import RecoveryState, SwapMethod
from fleetsave.observability import count, logger
from fleetsave.recover.run import Run, problem_of, spell
from fleetsave.sources.postgres.recovery_names import kept_name, new_name


def fail(run: Run, error: FleetsaveError) -> None:
    """End a recovery that has touched nothing of the target."""
    _end_untouched(run, RecoveryState.FAILED, spell(error), error)
    count("RecoveriesFailed")


def cancel(run: Run) -> None:
    """End a recovery that a person wants to stop, with everything as it was."""
    _end_untouched(run, RecoveryState.CANCELLED, "cancelled", None)


def begin_roll_back(run: Run, error: FleetsaveError) -> None:
    """Write down that what the swap replaced is brought back, and why; whoever reads this record goes on with it."""
    run.say(RecoveryState.ROLLING_BACK, spell(error), problem=problem_of(error))


def roll_back(run: Run) -> None:
    """Bring back what the swap replaced, start the game, and see that it is whole. Raise FleetsaveError if that fails."""
    plan = run.plan
    told = []
    if plan.before is not None:
        # The start command may have run already; where it is in place, SQLite lets us in beside the game all the same.
        unstopped = _tried(lambda: run.run_hook("before", plan.before or ""))
        told += [f"the game could not be stopped: {spell(unstopped)}"] if unstopped else []
    told.append(run.on_server(lambda restorer: restorer.roll_back()))
    if plan.after is not None:
        told.append(run.run_hook("after", plan.after or ""))
    findings = _findings(run)
    begun = run.recovery.record(RecoveryState.ROLLING_BACK)
    detail = "; ".join([*told, *(f"{one.check}: {one.detail}" for one in findings)])
    run.say(RecoveryState.ROLLED_BACK, detail[:1000], findings=findings, problem=begun.problem if begun else None)
    count("RecoveriesFailed")


def give_up(run: Run, error: FleetsaveError) -> None:
    """End a roll-back that failed: what is on the server stays as it is, with all that is needed to mend it by hand."""
    detail = f"the roll-back failed: {spell(error)}; what was there before is kept {_kept_beside(run)}, and as the safety backup"
    run.say(RecoveryState.UNRESOLVED, detail, problem=problem_of(error))
    count("RecoveriesUnresolved")


def clean_up(run: Run) -> None:
    """Remove what is left on the server of a recovery that has ended well; an unresolved one keeps everything.

    It is repeated whenever the job comes again. What cannot be removed takes room and harms nothing: it is logged, by its name.
    """
    if run.recovery.plan is None or run.recovery.has(RecoveryState.UNRESOLVED):
        return
    error = _tried(lambda: run.on_server(lambda restorer: restorer.clean_up()))
    if error is not None:
        logger().warning(f"left on the server, remove it by hand: {_left(run)}", extra=error.as_dict())


def _end_untouched(run: Run, state: RecoveryState, detail: str, error: FleetsaveError | None) -> None:
    problem = problem_of(error) if error else None
    after = run.plan.after if run.recovery.has(RecoveryState.STOPPING) else None
    if after is not None:
        try:
            told = run.run_hook("after", after)
        except (TransportError, RestoreError, ConfigurationError) as unstarted:
            told = f"the game was stopped, and could not be started again: {spell(unstarted)}"
            run.say(RecoveryState.UNRESOLVED, f"{detail}; {told}"[:1000], problem=problem or problem_of(unstarted))
            count("RecoveriesUnresolved")
            return
        detail = f"{detail}; {told}"
    run.say(state, f"{detail}; the target is as it was"[:1000], problem=problem)


def _findings(run: Run) -> list[Finding]:
    """Look at what was brought back; there may be nothing to look at, or nothing whole, as before the recovery."""
    swap = run.recovery.swap
    if swap is not None and swap.method is not SwapMethod.IN_PLACE:
        return []
    try:
        return run.on_server(lambda restorer: restorer.verify())
    except (TransportError, RestoreError) as error:
        return [Finding("rolled_back", Outcome.SKIPPED, f"it could not be looked at: {spell(error)}")]


def _kept_beside(run: Run) -> str:
    """Say where on the server is what a swap replaces."""
    if run.plan.kind is Kind.POSTGRESQL:
        return f"on the server as the database {kept_name(run.plan.target_path, run.recovery.records[0].at)}"
    return f"on the server beside the target, in a folder named .fleetsave-{run.id}"


def _left(run: Run) -> str:
    """Name what a recovery that could not be cleaned up may have left on the server."""
    if run.plan.kind is Kind.POSTGRESQL:
        return f"database {new_name(run.plan.target_path, run.id)} on {run.id.server_id}"
    return f".fleetsave-{run.id} beside {run.plan.target_path} on {run.id.server_id}"


def _tried(work: Callable[[], object]) -> FleetsaveError | None:
    """Do what is good to do and not needed, and return what stopped it: that stands in the way of nothing."""
    try:
        work()
    except (TransportError, RestoreError, ConfigurationError) as error:
        return error
    return None
