"""Asking a person before something that cannot be taken back."""

import click

from fleetsave.model.errors import FleetsaveError


class NotConfirmedError(FleetsaveError):
    """Nobody has agreed to what was to be done, so it was not done."""


def confirm(question: str, *, operation: str, target: str, yes: bool, as_json: bool) -> None:
    """Ask, unless `yes` was given. Raise NotConfirmedError for every answer but yes, and where nobody can be asked."""
    if yes:
        return
    try:
        agreed = not as_json and click.confirm(question, err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        raise NotConfirmedError(operation, target, "it was not confirmed", "Answer y, or add --yes; nothing was changed.")


def confirm_by_typing(expected: str, question: str, *, operation: str, target: str, yes: bool, as_json: bool) -> None:
    """Have `expected` typed, unless `yes` was given: a habit of pressing y is no agreement. Raise NotConfirmedError otherwise."""
    if yes:
        return
    try:
        typed = "" if as_json else click.prompt(f"{question} Type {expected} to go on", default="", show_default=False, err=True)
    except click.Abort:
        typed = ""
    if typed.strip() != expected:
        raise NotConfirmedError(
            operation, target, "it was not confirmed", f"Type {expected} when asked, or add --yes; nothing was changed."
        )
