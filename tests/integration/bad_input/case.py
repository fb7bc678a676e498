"""One case of bad input: what is wrong, and what the door of collect must make of it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.integration.bad_input.station import Station

Mend = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """`spoil` makes one thing wrong, and may return what makes it right again: `mended` cases show that this is enough.

    `says` stands in the error. `kept`: the message is delivered again, and at last ends in the dead-letter queue; `at_once`:
    it is soon there. `remembered`: the artifact's state tells of the failure.
    """

    name: str
    spoil: Callable[[Station], Mend | None]
    error: str
    says: str
    retryable: bool = False
    kept: bool = False
    at_once: bool = False
    remembered: bool = True
    mended: bool = False
