"""How single things are stored: pictures, figures, histograms, tables, texts, configs, graphs."""

from __future__ import annotations

from hashlib import sha256

from selfscope.records import Config, Figure, Graph, Histogram, Picture, Table, Text
from selfscope.store.encode import picture_png
from selfscope.store.figures import draw_figure
from selfscope.store.files import RunFiles, write_bytes
from selfscope.store.tables import write_parquet


def store_picture(run: RunFiles, record: Picture) -> None:
    height, width = record.pixels.shape[:2]
    data = picture_png(record)
    path = run.save(run.picture_stem(record.key, record.step), {".png": data})
    run.index(record, path, size=len(data), width=width, height=height)


def store_figure(run: RunFiles, record: Figure) -> None:
    files = dict(draw_figure(record).files)
    path = run.save(run.picture_stem(record.key, record.step), files)
    run.index(record, path, size=len(files[path.suffix]), files=sorted(files))


def store_histogram(run: RunFiles, record: Histogram) -> None:
    edges = record.edges
    _store_columns(run, record, {"left": edges[:-1], "right": edges[1:], "count": record.counts})


def store_table(run: RunFiles, record: Table) -> None:
    _store_columns(run, record, dict(record.columns))


def store_text(run: RunFiles, record: Text) -> None:
    data = record.text.encode(errors="replace")
    path = run.save(run.picture_stem(record.key, record.step), {".md": data})
    run.index(record, path, size=len(data))


def store_graph(run: RunFiles, record: Graph) -> None:
    data = (record.text or str(record.model)).encode(errors="replace")
    path = run.save(run.data / "graph", {".txt": data})
    run.index(record, path, size=len(data))


def store_config(run: RunFiles, record: Config) -> None:
    """`config.py`; another config later in the same run goes to `config-1.py`, the same one is kept once."""
    data = record.source.encode()
    first = run.data / run.layout.config
    kept = [first, *sorted(first.parent.glob(f"{first.stem}-*.py"))]
    if any(path.exists() and path.read_bytes() == data for path in kept):
        return
    stem = run.free.take(first.with_suffix(""), ".py")
    path = write_bytes(stem.with_name(stem.name + ".py"), data)
    run.index(record, path, size=len(data), sha256=sha256(data).hexdigest())


def _store_columns(run: RunFiles, record: Histogram | Table, columns: dict) -> None:
    stem = run.free.take(run.picture_stem(record.key, record.step), ".parquet")
    path = stem.with_name(stem.name + ".parquet")
    write_parquet(path, columns)
    run.index(record, path, size=path.stat().st_size, rows=len(next(iter(columns.values()), ())))
