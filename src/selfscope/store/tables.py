"""Named columns to Parquet and back: the same columns give the same bytes, every column gets one type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from selfscope.errors import RunError
from selfscope.store.lines import plain
from selfscope.store.whole import whole


def write_parquet(path: Path, columns: Mapping[str, Sequence[Any] | np.ndarray]) -> None:
    """Whole or not at all. Snappy, one row group for every 64k rows, no dates: bytes repeat."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({str(name): _column(values) for name, values in columns.items()})
    with whole(path) as temporary:
        pq.write_table(table, temporary, compression="snappy", row_group_size=65536)


def read_parquet(path: Path) -> dict[str, Any]:
    """Columns by name: numpy arrays where every value is a number, lists otherwise (None where one is missing)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{path}: cannot be read as a table: {error}") from error
    return {name: _values(table.column(name)) for name in table.column_names}


def rows_to_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Every name that any row has, in order of first sight; a row without it holds None."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def _column(values: Sequence[Any] | np.ndarray) -> Any:
    import pyarrow as pa

    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf" and values.ndim == 1:
        return pa.array(values)
    items = values.tolist() if isinstance(values, np.ndarray) else list(values)
    try:
        return pa.array([item.item() if isinstance(item, np.generic) else item for item in items])
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.array([None if item is None else _text(item) for item in items], pa.string())


def _text(value: Any) -> str:
    return plain(value) if isinstance(value, str) else orjson.dumps(plain(value)).decode()


def _values(column: Any) -> Any:
    import pyarrow.types as kinds

    numeric = kinds.is_integer(column.type) or kinds.is_floating(column.type) or kinds.is_boolean(column.type)
    if numeric and column.null_count == 0:
        return column.to_numpy()
    return column.to_pylist()
