"""The published figures of fleets of any size."""

from tests.soak.figure import Figure, Seen

SIZES = (100, 1_000, 10_000)
_TOOK = ("seconds", "cpu_seconds", "peak_megabytes", "calls", "calls_a_server")
_FOUND = ("artifacts", "unsafe", "too_old", "not_captured", "not_verified", "suspect")


def _fits(seen: Seen, seconds: int) -> bool:
    """Tell whether a run was done within its function's time, and in half a gigabyte."""
    return bool(seen["seconds"] < seconds and seen["peak_megabytes"] < 512 and not seen.get("servers_left"))


def _row(what: str, name: str, servers: int, seconds: int, shows: tuple[str, ...]) -> Figure:
    return Figure(
        what=f"{name} of {servers:,} servers with a month of data and a year of records, calls of 20 ms",
        asked=f"done in {seconds} s and 512 MB, everything that is wrong found",
        name=f"scale of {what}",
        test="test_scale.py",
        shows=(*_TOOK, *shows),
        is_met=lambda seen: _fits(seen, seconds),
        where={"servers": servers},
    )


SCALE_FIGURES = [
    *(_row("prune", "prune", servers, 900, ("deleted", "servers_done", "servers_left")) for servers in SIZES),
    *(_row("watchdog", "a look of the watchdog", servers, 600, _FOUND) for servers in SIZES),
    *(_row("status", "status", servers, 28, _FOUND) for servers in SIZES),
    Figure(
        what="the SDK's own work on a page of 1,000 keys and on a HEAD, which comes on top of these",
        asked="known",
        name="what the SDK takes",
        test="test_scale.py",
        shows=("page_milliseconds", "head_milliseconds"),
        is_met=lambda seen: seen["page_milliseconds"] > 0,
    ),
]
