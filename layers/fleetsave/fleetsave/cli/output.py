"""Results on standard output: tables for people, or one JSON document for machines."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from fleetsave.model.printing import printable

_WIDTH_OF_A_PIPE = 240

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document for machines.")


def emit(document: Any, render: Callable[[Console], None], *, as_json: bool) -> None:
    """Print a result: as JSON, or as `render` draws it."""
    if as_json:
        sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")
        return
    is_terminal = sys.stdout.isatty()
    render(Console(file=sys.stdout, width=None if is_terminal else _WIDTH_OF_A_PIPE, markup=False, highlight=False))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a table of text; what servers and stores said cannot steer the terminal."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(printable(str(cell)) for cell in row))
    return made


def size(count: int) -> str:
    """Return a size in bytes as a person reads it: `512 B`, `1.4 MiB`."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
