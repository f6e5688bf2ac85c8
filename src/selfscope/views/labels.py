"""Labels and other columns from a table, joined to a data set's images by their paths."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from selfscope.errors import DataError, UsageError, nearest
from selfscope.store.embeddings import FIXED
from selfscope.structures import Features

PATH_COLUMNS = ("path", "img_path", "file", "filename", "file_name", "image", "img", "name", "id")
"""Where a table's paths are looked for, in this order; else in its first column."""
LABEL_COLUMNS = ("label", "class", "target", "category")
"""Which column is the label where none is named; else the first that is not the path."""


@dataclass(frozen=True)
class Joined:
    """Features with the labels of a table, and its other columns."""

    features: Features
    columns: Mapping[str, np.ndarray]
    """`(N,)` a column of the table: numbers with NaN, or words with None, where an image is not in it."""
    said: str
    """How many images and rows found each other."""


def join_labels(features: Features, given: str | Path) -> Joined:
    """Labels from `FILE[:column]`, a `.csv`, `.tsv` or `.parquet` table with a row an image.

    A row belongs to the image with its path; else to the only one whose path ends in it; else to the only one with its
    file name without suffix. Features without paths take a table of as many rows in its order. Images that are not in
    the table keep no label. Without `:column` the label is `label`, `class`, `target` or `category`, else the first
    column that holds no fractions. Whole numbers are label values; words get numbers in alphabetical order. A `.npy`
    file of `(N,)` labels is taken in its order, for features without paths.
    """
    path, named = _split(str(given))
    table = read_table(path)
    key, values, column = _roles(table, named, path)
    if path.suffix.lower() == ".npy" and features.paths is not None:
        raise UsageError(f"{path}: labels without paths; these images have paths, so give a table with a row an image")
    if features.paths is None:
        rows, said = _in_order(len(features), table[key], path)
    else:
        rows, said = _by_path(features.paths, [str(item) for item in table[key]], path)
    columns = {_free(name): _column(_taken(table[name], rows)) for name in values}
    if column is not None:
        labels, class_names = _labels(_taken(table[column], rows))
        features = replace(features, labels=labels, class_names=class_names)
        said += f"; labels are {column!r}"
    return Joined(features, columns, f"{path.name}: {said}")


def columns_of(given: str | Path) -> tuple[str, ...]:
    """The names that the columns of a table `FILE[:column]` will have on a map; refuses what cannot be read."""
    path, column = _split(str(given))
    table = read_table(path)
    _, values, _ = _roles(table, column, path)
    return tuple(_free(name) for name in values)


def read_table(path: Path) -> dict[str, list[Any]]:
    """Columns of a CSV, TSV or Parquet file by name, or of the labels in a .npy file.

    Numbers of text tables are read as numbers.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".tsv", ".parquet", ".npy"):
        raise UsageError(f"{path}: expected a table ending in .csv, .tsv or .parquet, or labels in a .npy file")
    if not path.is_file():
        raise DataError(f"{path}: no such file; --labels takes FILE or FILE:column")
    if suffix == ".parquet":
        from selfscope.store.tables import read_parquet

        table = {name: list(values) for name, values in read_parquet(path).items()}
    elif suffix == ".npy":
        table = _read_array(path)
    else:
        table = _read_text(path, "\t" if suffix == ".tsv" else ",")
    if not table or not len(next(iter(table.values()))):
        raise DataError(f"{path}: expected a header and at least one row")
    return table


def _read_array(path: Path) -> dict[str, list[Any]]:
    try:
        labels = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not an array of numbers or words: {error}") from error
    if not isinstance(labels, np.ndarray) or labels.ndim != 1:
        raise DataError(f"{path}: expected (N,) labels, one an item, got {getattr(labels, 'shape', 'several arrays')}")
    return {"path": list(range(len(labels))), "label": labels.tolist()}


def _read_text(path: Path, delimiter: str) -> dict[str, list[Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file, delimiter=delimiter) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a UTF-8 table: {error}") from error
    if not rows:
        return {}
    header, body = rows[0], rows[1:]
    if len(set(header)) < len(header):
        raise DataError(f"{path}: two columns have one name: {', '.join(header)}")
    uneven = next((i for i, row in enumerate(body, 2) if len(row) != len(header)), None)
    if uneven is not None:
        raise DataError(f"{path}: row {uneven} has {len(body[uneven - 2])} values for {len(header)} columns")
    return {name: _numbers([row[i] for row in body]) for i, name in enumerate(header)}


def _numbers(texts: list[str]) -> list[Any]:
    """Whole numbers, else numbers, where all are; an empty text is None."""
    values = [text if text.strip() else None for text in texts]
    known = [text for text in values if text is not None]
    kind = int if all(map(_reads_as(int), known)) else float if all(map(_reads_as(float), known)) else str
    return [None if text is None else kind(text) for text in values]


def _reads_as(kind: type) -> Callable[[str], bool]:
    def reads(text: str) -> bool:
        try:
            kind(text)
        except ValueError:
            return False
        return True

    return reads


def _roles(table: Mapping[str, Any], named: str | None, path: Path) -> tuple[str, list[str], str | None]:
    """Which column holds paths, which others there are, and which of these is the label: None if all are fractions."""
    names = list(table)
    if named is not None and named not in table:
        raise UsageError(f"{path}: no column {named!r}; there are {', '.join(names)}.{nearest(named, names)}")
    key = next((name for name in PATH_COLUMNS if name in table and name != named), names[0])
    values = [name for name in names if name != key]
    if not values:
        raise UsageError(f"{path}: expected a column of paths and one of labels, got only {key!r}")
    if named is not None and _fractions(table[named]):
        raise UsageError(f"{path}: {named!r} holds fractions, which are no labels: color by it instead")
    likely = sorted(values, key=lambda name: LABEL_COLUMNS.index(name) if name in LABEL_COLUMNS else len(LABEL_COLUMNS))
    return key, values, named or next((name for name in likely if not _fractions(table[name])), None)


def _fractions(values: Sequence[Any]) -> bool:
    return any(isinstance(value, (float, np.floating)) and not np.isnan(value) for value in values)


def _split(given: str) -> tuple[Path, str | None]:
    """`FILE:column`; a colon before a slash, such as a drive's, belongs to the file."""
    head, colon, tail = given.rpartition(":")
    if colon and "/" not in tail and "\\" not in tail and Path(head).suffix:
        return Path(head), tail
    return Path(given), None


def _in_order(n: int, keys: Sequence[Any], path: Path) -> tuple[np.ndarray, str]:
    if len(keys) != n:
        raise DataError(f"{path}: {len(keys)} rows for {n} features without paths, which are taken in order")
    return np.arange(n), f"{n:,} rows taken in order, for the features have no paths"


def _by_path(paths: Sequence[str], keys: Sequence[str], table: Path) -> tuple[np.ndarray, str]:
    """The row of each image, -1 for none, and a sentence."""
    wanted = [_parts(path) for path in paths]
    rows = np.full(len(paths), -1)
    given = {_parts(key): row for row, key in enumerate(keys)}
    if len(given) < len(keys):
        raise DataError(f"{table}: {len(keys) - len(given)} rows have the path of another row")
    depths = sorted({len(parts) for parts in given}, reverse=True)
    for i, parts in enumerate(wanted):
        rows[i] = next((given[parts[-d:]] for d in depths if d <= len(parts) and parts[-d:] in given), -1)
    _unshare(rows, wanted, list(given))
    if (rows < 0).all():
        _by_stem(rows, wanted, keys)
    found, used = int((rows >= 0).sum()), len(np.unique(rows[rows >= 0]))
    if not found:
        raise DataError(f"{table}: none of {len(keys)} rows has the path of an image; {keys[0]!r} and {paths[0]!r}")
    left = [] if found == len(paths) else [f"{len(paths) - found:,} images are not in it"]
    left += [] if used == len(keys) else [f"{len(keys) - used:,} rows are of no image here"]
    return rows, ", ".join([f"{found:,} of {len(paths):,} images found", *left])


def _unshare(rows: np.ndarray, wanted: Sequence[tuple[str, ...]], given: Sequence[tuple[str, ...]]) -> None:
    """Takes a row away from images that share it without one of them having exactly its path."""
    numbers, counts = np.unique(rows[rows >= 0], return_counts=True)
    for number in numbers[counts > 1].tolist():
        sharing = np.flatnonzero(rows == number).tolist()
        rows[[i for i in sharing if wanted[i] != given[number]]] = -1


def _by_stem(rows: np.ndarray, wanted: Sequence[tuple[str, ...]], keys: Sequence[str]) -> None:
    stems = [PurePosixPath(parts[-1]).stem for parts in wanted]
    known = [PurePosixPath(_parts(key)[-1]).stem for key in keys]
    place = {stem: row for row, stem in enumerate(known)}
    single = _unique(stems) & _unique(known)
    for i, stem in enumerate(stems):
        if stem in single:
            rows[i] = place[stem]


def _unique(words: Sequence[str]) -> set[str]:
    names, counts = np.unique(np.array(words), return_counts=True)
    return set(names[counts == 1].tolist())


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in str(path).replace("\\", "/").split("/") if part not in ("", ".")) or ("",)


def _taken(values: Sequence[Any], rows: np.ndarray) -> list[Any]:
    return [None if row < 0 else values[row] for row in rows.tolist()]


def _labels(values: list[Any]) -> tuple[np.ndarray, tuple[str, ...] | None]:
    known = [value for value in values if value is not None]
    if all(isinstance(value, (int, np.integer)) and not isinstance(value, bool) for value in known):
        return np.array([-1 if value is None else int(value) for value in values], np.int64), None
    names = sorted({str(value) for value in known})
    place = {name: i for i, name in enumerate(names)}
    return np.array([-1 if value is None else place[str(value)] for value in values], np.int64), tuple(names)


def _column(values: list[Any]) -> np.ndarray:
    if all(value is None or isinstance(value, (int, float, np.number)) for value in values):
        return np.array([np.nan if value is None else float(value) for value in values])
    return np.array([None if value is None else str(value) for value in values], object)


def _free(name: str) -> str:
    """The name, or with a mark where the record's table has a column of this name already."""
    taken = (*FIXED, "trust", "continuity", "recall", "stability", "density", "norm", "cluster")
    return f"{name}_given" if name in taken else name
