"""The score: `python -m tests.faults.score` writes docs/fault-score.md from what the newest runs left.

Of each fault and variant the newest long run counts, and a short one only until there is a long one. What was not run since
keeps its row, which is why the rows stand as data beside the page.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.faults.scoring import RECORDS
from tests.faults.table import FAULTS

_DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = _DOCS / "fault-score.md"
DATA = _DOCS / "fault-score.jsonl"

_TITLE = """# Fault score

Every fault is injected into real parts where it can be: sshd, S3 servers, SQLite under live writes, PostgreSQL. A trial is bad if
something that is not whole passed for verified, and lost if something that should be there is not, or cannot be had back.
`make test` makes at most 60 trials of a fault, `make soak` as many as are asked; the newest long run counts, else the newest
short one. The bound is that of the true rate with 95 % confidence if none of n trials went wrong: 1 - 0.05^(1/n). A seed
repeats a run: `FLEETSAVE_FAULT_SEED=... FLEETSAVE_FAULTS=long .venv/bin/pytest --timeout 0 <test>`. Row 36,
deltas on the wire, is left out: nothing of that kind is built.

| # | fault | must | variant | trials | bad accepted | lost | bound at 95 % | also seen | seed | date | machine | test |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
"""

Record = dict[str, Any]


def newest(records: Sequence[Record]) -> list[Record]:
    """Return the record that counts of each fault and variant, in the table's order."""
    kept: dict[tuple[int, str], Record] = {}
    for record in sorted(records, key=lambda record: (record["is_long"], record["date"])):
        if record["number"] in FAULTS:
            kept[record["number"], record["variant"]] = record
    return [kept[name] for name in sorted(kept)]


def page(records: Sequence[Record]) -> str:
    """Return the page; a fault of the table without a record is named as not run."""
    rows = [_row(record) for record in newest(records)]
    run = {record["number"] for record in records}
    missing = [f"{fault.number} ({fault.what})" for fault in FAULTS.values() if fault.number not in run]
    told = f"\n**Not run yet:** {'; '.join(missing)}.\n" if missing else ""
    return _TITLE + "\n".join(rows) + "\n" + told


def bound(trials: int, wrong: int) -> str:
    """Return the upper bound of the true rate at 95 %, in percent, if nothing went wrong; else there is none to show."""
    return f"{100 * (1 - 0.05 ** (1 / trials)):.2g} %" if trials and not wrong else "-"


def _row(record: Record) -> str:
    fault = FAULTS[record["number"]]
    machine = record["machine"]
    seen = ", ".join(f"{name}: {value}" for name, value in record["seen"].items())
    cells = (
        fault.number, fault.what, fault.must, record["variant"], f"{record['trials']:,}",
        *(f"**{record[name]}**" if record[name] else 0 for name in ("bad_accepted", "lost")),
        bound(record["trials"], record["bad_accepted"] + record["lost"]), seen, record["seed"], record["date"],
        f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_gib']} GiB", f"`{record['test']}`",
    )  # fmt: skip
    return f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |"


def read_records(*files: Path) -> list[Record]:
    """Return the records of all files that are there."""
    return [json.loads(line) for file in files if file.exists() for line in file.read_text().splitlines()]


def main() -> None:
    """Write the page and the data it stands on."""
    records = newest(read_records(DATA, RECORDS))
    DATA.write_text("".join(json.dumps(record) + "\n" for record in records))
    PAGE.write_text(page(records))


if __name__ == "__main__":
    main()
