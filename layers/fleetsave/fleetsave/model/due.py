"""When something is to be done again, told from the clock alone: who asks need remember nothing but when it asked last.

Each rule names points in time; what is due is due in the look that covers one of them: after the last look, and not after this
one. If the last look is forgotten, something is done once more or, where a point lay in between, once less.
"""

import hashlib
from datetime import UTC, datetime, timedelta

from fleetsave.model.keys import BackupKey

LOOK_EVERY = timedelta(minutes=15)
"""Between two looks of the watchdog, and how late anything may be before it is taken for lost."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = 0.1
"""The part of its period before which a backup is not read again: it was read when it was judged."""


def is_due(since: datetime, last_look: datetime, now: datetime, first: timedelta = LOOK_EVERY) -> bool:
    """Tell whether what began at `since` is due: after `first`, and again whenever the wait has doubled."""
    periods = (now - since) // first
    if periods < 1:
        return False
    return since + first * (1 << (periods.bit_length() - 1)) > last_look


def reread_due(key: BackupKey, last_look: datetime, now: datetime, period: timedelta) -> bool:
    """Tell whether a backup is to be read again: within a period of its slot, at a time of its own, and in every period after."""
    first = key.slot.at + period * (_EARLIEST + (1 - _EARLIEST) * _share(key.text))
    return first <= now and first + (now - first) // period * period > last_look


def newest_turn(name: str, moment: datetime, period: timedelta = timedelta(days=1)) -> datetime:
    """Return when the turn of `name` came last, at or before `moment`: once in a period, each name at a time of its own."""
    offset = period * _share(name)
    return _EPOCH + offset + (moment - _EPOCH - offset) // period * period


def _share(text: str) -> float:
    """Return a number above 0 and up to 1 that belongs to a text, spread evenly over texts."""
    return (int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") + 1) / (1 << 48)
