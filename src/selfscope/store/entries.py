"""Lines of the index (`media.jsonl`) and the records that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from selfscope.errors import RunError, SelfscopeError
from selfscope.records import Config, Embedding, Figure, Graph, Histogram, Picture, Reconstruction, Record, Sample, Text
from selfscope.records import Table as TableRecord
from selfscope.store.embeddings import load_embedding
from selfscope.store.encode import decode_picture
from selfscope.store.figures import DrawnFigure
from selfscope.store.filenames import inside
from selfscope.store.lines import is_placed, parse_lines, read_lines, time_of
from selfscope.store.reconstructions import load_reconstruction
from selfscope.store.samples import load_sample
from selfscope.store.statistics import load_statistics
from selfscope.store.tables import read_parquet


@dataclass(frozen=True)
class Entry:
    """One stored record that is not scalars: what the index says of it; `load` reads the record itself."""

    kind: str
    key: str
    step: int
    wall_time: float
    path: Path
    """The file (or the folder of an embedding)."""
    caption: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    """`size` in bytes, `width` and `height`, `rows`, `id`, … as the kind has them."""

    def load(self) -> Record:
        """The record as it was stored; a figure comes back as a `DrawnFigure`, a graph as its text."""
        if self.kind not in LOADERS:
            raise RunError(f"{self.path}: this version reads no records of kind {self.kind!r}")
        try:
            record = LOADERS[self.kind](self)
            return record if record.wall_time is not None else replace(record, wall_time=self.wall_time)
        except SelfscopeError:
            raise
        except OSError as error:
            raise RunError(f"{self.path}: cannot be read: {error.strerror or error}") from error
        except Exception as error:  # anyone may have written the file: every reader fails in its own way
            reason = f"{type(error).__name__}: {error}"
            raise RunError(f"{self.path}: does not hold what is stored for a {self.kind} ({reason})") from error


def entry_of(line: Mapping[str, Any], run: Path) -> Entry:
    """The entry of one line; a `RunError` when its path leaves the run, or its step or time is no number."""
    known = ("kind", "key", "step", "_t", "path", "caption")
    path = inside(run, line.get("path", ""))
    if not is_placed(line):
        raise RunError(f"{path}: expected numbers as its step and time, got {line.get('step')!r}, {line.get('_t')!r}")
    if "id" in line and not _ends_in(path.relative_to(run), line["id"]):
        raise RunError(f"{path}: expected an id that is the end of its path, got {line['id']!r:.200}")
    return Entry(
        kind=str(line.get("kind", "")),
        key=str(line.get("key", "")),
        step=int(line.get("step", 0)),
        wall_time=time_of(line),
        path=path,
        caption=str(line.get("caption", "")),
        details={name: value for name, value in line.items() if name not in known},
    )


def _ends_in(path: Path, item: Any) -> bool:
    """Whether the path of a picture is `<folder>/<item>.png`: what else belongs to the item lies below the folder."""
    if not isinstance(item, str):
        return False
    parts = PurePosixPath(f"{item}.png").parts
    return len(path.parts) > len(parts) == item.count("/") + 1 and path.parts[-len(parts) :] == parts


def _load_picture(entry: Entry) -> Picture:
    return Picture(entry.key, decode_picture(entry.path), entry.step, entry.caption)


def _load_figure(entry: Entry) -> Figure:
    suffixes = entry.details.get("files") or [entry.path.suffix]
    drawn = DrawnFigure({suffix: entry.path.with_suffix(suffix).read_bytes() for suffix in suffixes})
    return Figure(entry.key, drawn, entry.step, entry.caption)


def _load_histogram(entry: Entry) -> Histogram:
    table = read_parquet(entry.path)
    edges = np.append(table["left"], table["right"][-1:])
    counts = np.asarray(table["count"])
    return Histogram(entry.key, counts, edges, entry.step, entry.caption)


def _load_table(entry: Entry) -> TableRecord:
    return TableRecord(entry.key, read_parquet(entry.path), entry.step, entry.caption)


def _load_text(entry: Entry) -> Text:
    return Text(entry.key, entry.path.read_bytes().decode(), entry.step)


def _load_graph(entry: Entry) -> Graph:
    return Graph(model=None, text=entry.path.read_bytes().decode())


def _load_config(entry: Entry) -> Config:
    from selfscope.config.reader import load_config

    source = entry.path.read_bytes().decode()
    return Config(load_config(entry.path), source)


def _load_embedding(entry: Entry) -> Embedding:
    return load_embedding(entry.path)


def _load_reconstruction(entry: Entry) -> Reconstruction:
    folder, item = _collection(entry)
    return load_reconstruction(folder, _row(folder / "metrics.jsonl", item))


def _load_sample(entry: Entry) -> Sample:
    folder, item = _collection(entry)
    return load_sample(folder, _row(folder / "samples.jsonl", item))


def _collection(entry: Entry) -> tuple[Path, str]:
    item = str(entry.details["id"])
    return entry.path.parents[item.count("/")], item


def _row(path: Path, item: str) -> dict[str, Any]:
    rows = _rows(path, path.stat().st_size)
    if item not in rows:
        raise RunError(f"{path}: holds nothing of {item!r}: the run was cut short while it was written")
    return rows[item]


@lru_cache(maxsize=8)
def _rows(path: Path, size: int) -> dict[str, dict[str, Any]]:
    lines, _ = parse_lines(read_lines(path)[0])
    return {line["id"]: line for line in lines}


LOADERS: dict[str, Callable[[Entry], Record]] = {
    "picture": _load_picture,
    "figure": _load_figure,
    "histogram": _load_histogram,
    "table": _load_table,
    "text": _load_text,
    "graph": _load_graph,
    "config": _load_config,
    "embedding": _load_embedding,
    "reconstruction": _load_reconstruction,
    "sample": _load_sample,
    "statistics": lambda entry: load_statistics(entry.path),
}
