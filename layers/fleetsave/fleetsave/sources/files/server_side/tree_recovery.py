"""The requests of a folder's recovery, each by its name."""

import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from fleetsave.sources.files.server_side.tree_check import check_tree
from fleetsave.sources.files.server_side.tree_proof import verify_tree
from fleetsave.sources.files.server_side.tree_survey import survey_tree
from fleetsave.sources.files.server_side.tree_swap import clean_up_tree, roll_back_tree, swap_tree
from fleetsave.sources.files.server_side.tree_target import TreeRequest, TreeTarget
from fleetsave.sources.files.server_side.tree_workplace import TreeWorkplace
from fleetsave.sources.sqlite.server_side.delivery import receive, received
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, explain

RESTORE_TREE = "tree_"
"""What the operations of a recovery begin with."""

DEEPEST = 10000
"""Folders in folders that are gone down into before Python gives up; as many as there are single letters in the longest path."""


def restore_tree(values: "dict[str, Any]", deadline: Deadline, stdin: Any, stdout: BinaryIO) -> "dict[str, Any]":
    """Do what a request of a folder's recovery asks, and return the reply; every failure is a reply too."""
    sys.setrecursionlimit(DEEPEST)
    try:
        return {"ok": _do(TreeRequest(values), deadline, stdin, stdout)}
    except RefusedError as error:
        refused = error
    except OSError as error:
        refused = explain(error, None)
    return {"error": refused.reason, "cause": refused.cause}


def _do(request: TreeRequest, deadline: Deadline, stdin: Any, stdout: BinaryIO) -> object:
    target = TreeTarget(request)
    place = TreeWorkplace(request, target)
    operations: dict[str, Callable[[], object]] = {
        "survey": lambda: survey_tree(request, target, place, deadline),
        "received": lambda: {"received": received(request, place)},
        "receive": lambda: receive(request, place, deadline, stdin, stdout),
        "check": lambda: check_tree(request, target, place, deadline),
        "swap": lambda: swap_tree(request, target, place, deadline),
        "verify": lambda: verify_tree(request, target, place, deadline),
        "roll_back": lambda: {"sentence": roll_back_tree(request, target, place, deadline)},
        "clean_up": lambda: {"left": clean_up_tree(place, deadline)},
    }
    do = operations.get(request.operation[len(RESTORE_TREE) :])
    if do is None:
        raise RefusedError("bad_request", f"there is no operation {request.operation!r}")
    return do()
