"""The folder of a recovery is held by one process at a time, and what is noted in it is there whole or not at all."""

import threading
from pathlib import Path

import pytest

from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, Request
from fleetsave.sources.sqlite.server_side.target import Target
from fleetsave.sources.sqlite.server_side.workplace import Workplace


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    request = Request({"operation": "restore_swap", "path": str(tmp_path / "a.db"), "recovery": "server_001.000001"})
    return Workplace(request, Target(request))


def test_only_one_process_at_a_time_works_in_it(place: Workplace) -> None:
    with place.held(Deadline(5)), pytest.raises(RefusedError) as refused, place.held(Deadline(0)):
        raise AssertionError("two at once")
    assert refused.value.reason == "busy"


def test_whoever_waited_while_it_was_removed_makes_it_anew(place: Workplace) -> None:
    holds = threading.Event()

    def remove() -> None:
        with place.held(Deadline(5)):
            holds.set()
            threading.Event().wait(0.2)
            place.remove(keep="")

    other = threading.Thread(target=remove)
    other.start()
    holds.wait()
    with place.held(Deadline(5)):
        place.note("swap.json", {"phase": "begun"})
        other.join()
        assert place.read("swap.json") == {"phase": "begun"}


def test_an_error_inside_reaches_whoever_asked(place: Workplace) -> None:
    with pytest.raises(FileNotFoundError), place.held(Deadline(5)):
        raise FileNotFoundError


def test_a_note_that_was_cut_off_leaves_the_one_before(place: Workplace) -> None:
    with place.held(Deadline(5)):
        place.note("swap.json", {"phase": "begun"})
        Path(place.file("swap.json.new").decode()).write_text('{"pha')
        assert place.read("swap.json") == {"phase": "begun"}
        assert place.read("copy.json") is None
