"""The new database takes its place, or gives it back; where an earlier run got to is read from the server's catalog."""

import time

from fleetsave.model.recovery_records import SwapMethod, SwapReport
from fleetsave.postgres.names import identifier
from fleetsave.sources.postgres import standing
from fleetsave.sources.postgres.recovery_context import Context
from fleetsave.sources.postgres.renaming import rename
from fleetsave.sources.postgres.restore_refusals import restore_refusal
from fleetsave.sources.postgres.server_session import Session


def swap(context: Context, session: Session, method: SwapMethod) -> SwapReport:
    """Let the new database take its place; done already, say so. Raise RestoreError with everything under its old name."""
    started = time.monotonic()
    found, names = standing.read(session.connection, context.names), context.names
    if not found.is_swapped:
        _require_new(context, found)
        if method is SwapMethod.RENAME:
            _require_replaceable(context, found)
            rename(context, session, [(names.live, names.kept), (names.new, names.live)])
        else:
            _require_nothing_there(context, found)
            rename(context, session, [(names.new, names.live)])
    kept = names.kept if method is SwapMethod.RENAME else None
    notes = [f"to drop it when nobody wants it any more: DROP DATABASE {identifier(kept)}"] if kept else []
    return SwapReport(method, time.monotonic() - started, None, moved_on=False, kept=kept, notes=notes)


def roll_back(context: Context, session: Session) -> str:
    """Give the place back to what was there, and say what was done. Raise RestoreError, `before_lost` if that is gone."""
    found, names = standing.read(session.connection, context.names), context.names
    if not found.is_swapped:
        return "nothing was replaced"
    if context.was_missing:
        rename(context, session, [(names.live, names.new)])
        return f"the database {names.live} was there by the recovery alone, and is gone again"
    if found.kept is None:
        raise restore_refusal(context.target, "before_lost", f"there is no database {names.kept} any more")
    rename(context, session, [(names.live, names.new), (names.kept, names.live)])
    return f"the database {names.live} is the one that was there before"


def finish(context: Context, session: Session) -> None:
    """Take our mark from the database that is in its place; it gets the comment of the one that it replaced."""
    found = standing.read(session.connection, context.names)
    if found.is_swapped:
        standing.set_comment(session.connection, context.names.live, standing.own_comment(found.kept))


def _require_new(context: Context, found: standing.Standing) -> None:
    if found.ours is None or found.whole is None:
        raise restore_refusal(context.target, "no_copy", f"there is no database {context.names.new} that is whole")


def _require_replaceable(context: Context, found: standing.Standing) -> None:
    if found.live is None:
        raise restore_refusal(context.target, "database_gone", "it was there when it was looked at, and is no more")
    if found.kept is not None:
        raise restore_refusal(context.target, "name_taken", f"the database {found.kept.name} exists")


def _require_nothing_there(context: Context, found: standing.Standing) -> None:
    if found.live is not None:
        raise restore_refusal(context.target, "target_exists", f"the database {found.live.name} exists by now")
