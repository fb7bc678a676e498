"""Time spans as a person reads them."""

from datetime import timedelta

_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1)))


def spell(span: timedelta) -> str:
    """Return a time span in its two largest units, rounded down: `30 d`, `2 h 5 min`, `45 s`; below zero with a minus."""
    sign, rest = ("-", -span) if span < timedelta(0) else ("", span)
    parts = []
    for name, unit in _UNITS:
        count, rest = divmod(rest, unit)
        if count:
            parts.append(f"{count} {name}")
    seconds = int(rest.total_seconds())
    if seconds or not parts:
        parts.append(f"{seconds} s")
    return sign + " ".join(parts[:2])
