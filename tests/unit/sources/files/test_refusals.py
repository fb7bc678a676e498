"""Every refusal of an archive says what to do."""

import pytest

from fleetsave.sources.files.refusals import ARCHIVE_REFUSALS, archive_refusal
from fleetsave.sources.sqlite.refusals import REFUSALS


@pytest.mark.parametrize("reason", [*ARCHIVE_REFUSALS, *REFUSALS, "unheard of"])
def test_a_refusal_names_its_reason_and_gives_a_hint(reason: str) -> None:
    error = archive_refusal("/srv/game", reason, "it was seen")
    assert (error.reason, error.target, error.cause) == (reason, "/srv/game", "it was seen")
    assert error.hint.endswith((".", "`."))


def test_what_passes_by_itself_is_tried_again() -> None:
    assert archive_refusal("/srv/game", "cut_short", "").retryable
    assert not archive_refusal("/srv/game", "too_slow", "").retryable
    assert archive_refusal("/srv/game", "exclusive_lock", "").hint == REFUSALS["exclusive_lock"].hint
