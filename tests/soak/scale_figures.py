"""The published figures of fleets of any size."""

from tests.soak.figure import Figure, Seen

SIZES = (100, 1_000, 10_000)
LAMBDA_SECONDS = 900
_TOOK = ("seconds", "cpu_seconds", "peak_megabytes", "calls", "calls_a_server")


def _fits(seen: Seen) -> bool:
    return bool(seen["seconds"] < LAMBDA_SECONDS and seen["peak_megabytes"] < 512)


SCALE_FIGURES = [
    *(
        Figure(
            what=f"prune of {servers:,} servers x 31 days beside a year of records, a day's backups due, calls of 20 ms",
            asked="under 15 minutes and 512 MB; what is left is said, and the next run goes on",
            name="scale of prune",
            test="test_scale.py",
            shows=(*_TOOK, "deleted", "servers_done", "servers_left"),
            is_met=_fits,
            where={"servers": servers},
        )
        for servers in SIZES
    ),
    *(
        Figure(
            what=f"{name} of {servers:,} servers x 31 days beside a year of records, calls of 20 ms",
            asked="under 15 minutes and 512 MB, everything that is wrong found",
            name=f"scale of {what}",
            test="test_scale.py",
            shows=(*_TOOK, "artifacts", "unsafe", "too_old", "not_captured", "not_verified", "suspect"),
            is_met=_fits,
            where={"servers": servers},
        )
        for what, name in (("watchdog", "a look of the watchdog"), ("status", "status"))
        for servers in SIZES
    ),
    Figure(
        what="what the SDK itself works on a page of 1,000 keys, and on a HEAD, beside all of the above",
        asked="",
        name="what the SDK takes",
        test="test_scale.py",
        shows=("page_milliseconds", "head_milliseconds"),
        is_met=lambda _: True,
    ),
]
