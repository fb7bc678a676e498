"""Every error tells a person what to do, and the printed family tree is the real one."""

import inspect

import pytest

from fleetsave.model import errors
from fleetsave.model.errors import CaptureError, FleetsaveError

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, FleetsaveError)]


@pytest.mark.parametrize("retryable", [True, False])
def test_an_error_says_what_failed_why_what_to_do_and_whether_it_is_tried_again(retryable: bool) -> None:
    error = FleetsaveError("open", "the door", "it is locked", "Find the key.", retryable=retryable)
    again = "will be retried" if retryable else "will not be retried"
    assert str(error) == f"open the door: it is locked. Find the key. ({again})"
    assert error.as_dict() == {
        "error": "FleetsaveError",
        "operation": "open",
        "target": "the door",
        "cause": "it is locked",
        "hint": "Find the key.",
        "retryable": retryable,
    }


def test_a_capture_error_has_a_reason_for_machines() -> None:
    error = CaptureError("capture", "/srv/a.db", "it is locked", "Wait.", reason="locked", retryable=True)
    assert error.as_dict()["reason"] == "locked"
    assert error.as_dict()["error"] == "CaptureError"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_stands_in_the_printed_tree_below_its_parent(kind: type[FleetsaveError]) -> None:
    tree = (errors.__doc__ or "").splitlines()
    (line,) = [line for line in tree if line.split()[-1:] == [kind.__name__] or f" {kind.__name__} " in f"{line} "]
    depth = line.index(kind.__name__) // 4
    assert depth == len(kind.__mro__) - len(FleetsaveError.__mro__)
