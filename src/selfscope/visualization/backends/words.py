"""Records as Markdown and as numbers, for trackers that have no place of their own for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selfscope.records import Embedding, Reconstruction, Table

MOST_ROWS = 200


def code_block(text: str, language: str = "") -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in _runs_of_ticks(text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def markdown_table(record: Table) -> str:
    """The first `MOST_ROWS` rows; how many more there are stands below."""
    names = list(record.columns)
    columns = [record.columns[name] for name in names]
    count = len(columns[0]) if columns else 0
    lines = [_row(names), _row(["---"] * len(names))]
    lines += [_row([column[i] for column in columns]) for i in range(min(count, MOST_ROWS))]
    if count > MOST_ROWS:
        lines.append(f"\n… and {count - MOST_ROWS} more rows")
    return "\n".join([*([record.caption, ""] if record.caption else []), *lines])


def numbers_of(record: Embedding | Reconstruction) -> dict[str, float]:
    """Quality or metrics as scalars below the record's key."""
    values: Mapping[str, Any] = record.quality if isinstance(record, Embedding) else record.metrics
    return {f"{record.key}/{name}": value for name, value in values.items() if isinstance(value, (int, float))}


def _row(cells: list[Any]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _runs_of_ticks(text: str) -> list[str]:
    return [run for run in "".join(c if c == "`" else " " for c in text).split() if run]
