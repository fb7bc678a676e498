"""Following a recovery on the screen, step by step, to its proof."""

from typing import Any

from rich.console import Console

from fleetsave.local.demonstration.stage import Stage
from fleetsave.local.demonstration.waiting import NotSeenError, wait_for

_PATIENCE = 240.0


def follow(stage: Stage, console: Console, asked: dict[str, Any]) -> dict[str, Any]:
    """Follow a recovery to its proof, and return it. Raise NotSeenError if it ends in any other way."""
    shown = 0

    def is_finished() -> bool:
        nonlocal asked, shown
        asked = stage.api.get(asked["id"]).document
        for step in asked["steps"][shown:]:
            console.print(f"  {step['at'][11:19]}  [cyan]{step['state']:<10}[/] {step['detail']}", soft_wrap=True)
        shown = len(asked["steps"])
        return bool(asked["is_finished"])

    wait_for(f"the end of recovery {asked['id']}", is_finished, patience=_PATIENCE)
    if asked["status"] != "recovered":
        raise NotSeenError(f"recovery {asked['id']} ends with its proof: it is {asked['status']}: {asked['problem']}")
    for finding in asked["proof"]["findings"]:
        console.print(f"  [green]{finding['outcome']}[/] {finding['check']}: {finding['detail']}", soft_wrap=True)
    return asked
