"""Hugging Face data sets as `save_to_disk` leaves them: Arrow files with pictures inside, read without that library."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from selfscope.data.listing import UNLABELLED, Listing, Names
from selfscope.data.picture import decode_picture, read_picture, reason
from selfscope.data.trace import PICTURED, Trace, moved
from selfscope.errors import DataError, nearest

STATE, INFO, SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"
VALIDATION = ("validation", "valid", "dev")
"""What others call the split that is `val` here."""


def is_saved_dataset(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder is what `datasets` saves: one data set, or a dictionary of splits."""
    path = Path(folder)
    return (path / SPLITS).is_file() or ((path / STATE).is_file() and (path / INFO).is_file())


def split_folder(folder: str | os.PathLike[str], split: str) -> Path:
    """The folder of a split; a data set without splits is all of them."""
    path = Path(folder)
    if not (path / SPLITS).is_file():
        return path
    names = _json(path / SPLITS).get("splits", [])
    if split not in names and split == "val":
        split = next((name for name in VALIDATION if name in names), split)
    if split not in names:
        raise DataError(f"{path}: no split {split!r}, it has {', '.join(map(str, names))}.{nearest(split, names)}")
    return path / split


@dataclass(frozen=True, eq=False)
class SavedImages:
    """The image column of a saved data set: `[i]` is a picture, `(H, W, 3)` uint8 RGB."""

    folder: Path
    column: str = field(init=False)
    label_column: str | None = field(init=False)
    features: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        features = _json(self.folder / INFO).get("features") or {}
        images = [name for name, kind in features.items() if _is(kind, "Image")]
        labels = [name for name, kind in features.items() if _is(kind, "ClassLabel")]
        if not images:
            raise DataError(f"{self.folder}: no column of images, it has {', '.join(features) or 'none'}")
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "column", "image" if "image" in images else images[0])
        object.__setattr__(self, "label_column", "label" if "label" in labels else next(iter(labels), None))

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.picture(index)

    def picture(self, index: int, notes: list[str] | None = None) -> np.ndarray:
        """Decoded from the bytes in the table, or read from the file that it names."""
        value = self._table.column(self.column)[index].as_py()
        if value is None:
            raise DataError(f"row {index} of {self.folder}: has no image")
        data, path = value.get("bytes"), value.get("path")
        if data is None:
            return read_picture(path, notes=notes)
        try:
            return decode_picture(BytesIO(data), notes=notes)
        except Exception as error:  # Pillow's decoders raise nearly anything on corrupt bytes
            why = "holds an empty image" if not data else reason(str(self.folder), error)
            raise DataError(f"row {index} of {self.folder}: {why}") from error

    def listing(self) -> Listing:
        """Rows by the names of their files where the table has them, else by number; labels and their names."""
        paths = self._table.column(self.column).combine_chunks().field("path").to_pylist()
        width = len(str(max(0, len(self) - 1)))
        names = [path if path else f"{i:0{width}d}" for i, path in enumerate(paths)]
        if self.label_column is None:
            return Listing("", Names(names))
        values = self._table.column(self.label_column).to_pylist()
        labels = np.array([UNLABELLED if value is None else int(value) for value in values], np.int64)
        classes = self.features[self.label_column].get("names")
        return Listing("", Names(names), labels, tuple(classes) if classes else None)

    @cached_property
    def _table(self) -> Any:
        """All columns, memory-mapped: only the rows that are asked for are read."""
        import pyarrow as pa

        state = _json(self.folder / STATE)
        if state.get("_indices_data_files"):
            raise DataError(f"{self.folder}: a selection of rows is not applied: save it after flatten_indices()")
        try:
            files = [self.folder / entry["filename"] for entry in state["_data_files"]]
            tables = [pa.ipc.open_stream(pa.memory_map(str(file))).read_all() for file in files]
            return pa.concat_tables(tables)
        except (OSError, KeyError, TypeError, pa.ArrowException) as error:
            raise DataError(f"{self.folder}: its Arrow files cannot be read ({error})") from error

    def __getstate__(self) -> dict[str, Any]:
        """Without the table, which every process maps for itself."""
        return {name: value for name, value in self.__dict__.items() if name != "_table"}


@dataclass(frozen=True, eq=False)
class LoadSavedImage:
    """Begins a pipeline with a row of a saved data set."""

    source: SavedImages

    def __call__(self, results: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
        notes: list[str] = []
        pixels = self.source.picture(results["sample_idx"], notes)
        height, width = pixels.shape[:2]
        trace = Trace(width, height, pictured=bool(results.get(PICTURED)))
        begun = {**results, "img_path": None, "notes": notes}
        return moved(begun, pixels, trace, original=pixels, ori_shape=(height, width), img_form="array")


def _is(kind: Any, name: str) -> bool:
    return isinstance(kind, dict) and kind.get("_type") == name


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(value, dict):
        raise DataError(f"{path}: expected a JSON object")
    return value
