"""The score: `python -m tests.faults.score` writes docs/fault-score.md from what the newest runs left.

Of each fault and variant the newest long run counts, and a short one only until there is a long one. What was not run since
keeps its row, which is why the rows stand as data beside the page.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.faults.scoring import RECORDS
from tests.faults.table import FAULTS, Fault

_DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = _DOCS / "fault-score.md"
DATA = _DOCS / "fault-score.jsonl"

_TITLE = """# Fault score

What came of every fault that is injected, into real parts where it can be: sshd, S3 servers, SQLite under live writes,
PostgreSQL.

- A trial is **bad** if something that is not whole passed for verified.
- A trial is **lost** if something that should be there is not, or cannot be had back.
- The **bound** is that of the true rate with 95 % confidence if none of n trials went wrong: 1 - 0.05^(1/n). In the summary n
  is all trials of a fault: its bound holds for the fault as it was dealt out among its variants. Each variant has its own below.
- A trial that the fault passed by is not counted; how many there were is told beside the variant.
- A **short** run (`make test`) makes about 60 trials of a fault, a **long** one (`make soak`) as many as are asked. The newest
  long run counts, else the newest short one.
- A seed repeats a run: `FLEETSAVE_FAULT_SEED=... FLEETSAVE_FAULTS=long .venv/bin/pytest --timeout 0 tests/faults/...`.

Fault 36, deltas on the wire, is left out: nothing of that kind is built.
"""
_SUMMARY = """
| # | fault | must | trials | bad accepted | lost | bound at 95 % | run |
|---|---|---|---|---|---|---|---|
"""
_DETAILS = """
| variant | trials | bad accepted | lost | bound at 95 % | run | seed | date | also seen | test |{machine}
|---|---|---|---|---|---|---|---|---|---|{line}
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
    """Return the page: a line for each fault, then its variants; a fault of the table without a record is named as not run."""
    kept = newest(records)
    of = {number: [one for one in kept if one["number"] == number] for number in FAULTS}
    run = [fault for fault in FAULTS.values() if of[fault.number]]
    missing = [f"{fault.number} ({fault.what})" for fault in FAULTS.values() if not of[fault.number]]
    machines = sorted({_machine(record) for record in kept})
    parts = [_TITLE, f"\nMachine: {machines[0]}.\n" if len(machines) == 1 else "", _SUMMARY]
    parts += [_total(fault, of[fault.number]) for fault in run]
    parts += [f"\n**Not run yet:** {'; '.join(missing)}.\n"] if missing else []
    parts += [_details(fault, of[fault.number], has_machine=len(machines) > 1) for fault in run]
    return "".join(parts)


def bound(trials: int, wrong: int) -> str:
    """Return the upper bound of the true rate at 95 %, in percent, if nothing went wrong; else there is none to show."""
    return f"{100 * (1 - 0.05 ** (1 / trials)):.2g} %" if trials and not wrong else "-"


def _total(fault: Fault, records: Sequence[Record]) -> str:
    runs = " and ".join(sorted({_run(record) for record in records}))
    return _row(f"[{fault.number}](#fault-{fault.number})", fault.what, fault.must, *_counts(records), runs)


def _details(fault: Fault, records: Sequence[Record], *, has_machine: bool) -> str:
    head = f"\n## Fault {fault.number}\n\nThe fault: {fault.what}. What must come of it: {fault.must}.\n"
    columns = _DETAILS.format(machine=" machine |" if has_machine else "", line="---|" if has_machine else "")
    return head + columns + "".join(_variant(record, has_machine=has_machine) for record in records)


def _variant(record: Record, *, has_machine: bool) -> str:
    seen = [f"{name}: {_text(value)}" for name, value in record["seen"].items()]
    if missed := record.get("missed"):
        seen.append(f"passed by, and not counted: {missed}")
    cells = [record["variant"] or "-", *_counts([record]), _run(record), record["seed"], record["date"][:10], "; ".join(seen)]
    test = Path(record["test"])
    return _row(*cells, f"[{test.stem}](../{test})", *([_machine(record)] if has_machine else []))


def _counts(records: Sequence[Record]) -> list[str]:
    """Return the cells of the trials, of what was bad and lost, and of the bound of all of them together."""
    trials, bad, lost = (sum(record[name] for record in records) for name in ("trials", "bad_accepted", "lost"))
    return [f"{trials:,}", *(f"**{count:,}**" if count else "0" for count in (bad, lost)), bound(trials, bad + lost)]


def _run(record: Record) -> str:
    return "long" if record["is_long"] else "short"


def _machine(record: Record) -> str:
    machine = record["machine"]
    return f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_gib']} GiB"


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |\n"


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
