"""`embeddings/<name>/`: a map as `embedding.parquet`, what it is worth as `quality.json`, its features as `.npy`, and
small pictures of its items on sheets, `thumbs-0.webp` and so on.

The same map gives the same bytes: no dates, no names of machines.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson

from selfscope.errors import RecordError, RunError
from selfscope.records import Embedding
from selfscope.store.claim import read_json
from selfscope.store.features import keep_features
from selfscope.store.filenames import flat_name
from selfscope.store.files import RunFiles, write_bytes
from selfscope.store.lines import number_of, plain
from selfscope.store.sprites import load_sheets, store_sheets, tile_numbers
from selfscope.store.tables import read_parquet, write_parquet

FIXED = ("id", "path", "label", "label_name", "x", "y", "z", "thumb")


def store_embedding(run: RunFiles, record: Embedding) -> None:
    columns = embedding_columns(record)
    folder = run.folder("embeddings", record.key, record.step)
    try:
        (folder / "features").mkdir(parents=True)
        for stage, features in record.features.items():
            keep_features(features, folder / "features" / f"{flat_name(stage)}.npy")
    except OSError as error:
        raise RunError(f"{folder}: cannot be written: {error.strerror or error}") from error
    write_parquet(folder / "embedding.parquet", columns)
    facts = {
        "key": record.key,
        "step": record.step,
        "class_names": record.class_names,
        "quality": record.quality,
        "settings": record.settings,
        "features": list(record.features),
    }
    if record.thumbnails:
        facts["thumbs"] = store_sheets(folder, record.thumbnails)
    write_bytes(folder / "quality.json", orjson.dumps(plain(facts), option=orjson.OPT_INDENT_2) + b"\n")
    run.index(record, folder, size=(folder / "embedding.parquet").stat().st_size, rows=len(record.coords))


def embedding_columns(record: Embedding) -> dict[str, Any]:
    """`id, path, label, label_name, x, y[, z, thumb]`, then the record's own columns; what it lacks is left out."""
    taken = [name for name in record.columns if name in FIXED]
    if taken:
        raise RecordError(f"{record.key}: the column name {taken[0]!r} is taken by the format: choose another")
    columns: dict[str, Any] = {"id": np.arange(len(record.coords), dtype=np.int32)}
    if record.paths is not None:
        columns["path"] = list(record.paths)
    if record.labels is not None:
        columns["label"] = np.asarray(record.labels, np.int64)
        if record.class_names is not None:
            names = dict(enumerate(record.class_names))
            columns["label_name"] = [names.get(int(label)) for label in record.labels]
    for axis, name in enumerate("xyz"[: record.coords.shape[1]]):
        columns[name] = np.ascontiguousarray(record.coords[:, axis], np.float32)
    if record.thumbnails:
        columns["thumb"] = tile_numbers(record.thumbnails, len(record.coords))
    return {**columns, **record.columns}


def load_embedding(folder: Path) -> Embedding:
    """The record again; features are mapped from disk, not read."""
    table, facts = read_parquet(folder / "embedding.parquet"), read_json(folder / "quality.json")
    features = {
        stage: np.load(folder / "features" / f"{flat_name(stage)}.npy", mmap_mode="r")
        for stage in facts.get("features", [])
    }
    names = facts.get("class_names")
    return Embedding(
        key=facts.get("key", folder.name),
        coords=np.stack([table[axis] for axis in "xyz" if axis in table], axis=1),
        labels=table.get("label"),
        class_names=None if names is None else tuple(names),
        paths=tuple(table["path"]) if "path" in table else None,
        columns={name: np.asarray(values) for name, values in table.items() if name not in FIXED},
        quality={name: number_of(value) for name, value in facts.get("quality", {}).items()},
        settings=facts.get("settings", {}),
        features=features,
        thumbnails=load_sheets(folder, facts["thumbs"], table["thumb"]) if "thumb" in table else {},
        step=facts.get("step", 0),
    )
