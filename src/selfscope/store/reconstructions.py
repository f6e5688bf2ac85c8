"""`reconstructions/<collection>/`: the panels with their notes as one picture, each panel, the arrays, the numbers.

Numbers are appended to `metrics.jsonl` as they come, so a crash loses none; `metrics.parquet` is made of them at close.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy

from selfscope.errors import RunError
from selfscope.records import Reconstruction
from selfscope.store.encode import decode_picture, encode_png
from selfscope.store.filenames import safe_name
from selfscope.store.files import RunFiles, write_bytes
from selfscope.store.lines import json_line, number_of, parse_lines, read_lines
from selfscope.store.tables import rows_to_columns, write_parquet

LEADING = ("path", "pixel_stats", "mask_ratio", "seed")
"""Settings that become columns; the others stay in `metrics.jsonl`."""


def store_reconstruction(run: RunFiles, record: Reconstruction) -> None:
    """`settings["collection"]` names the folder; without it, the method's name in small letters."""
    folder = run.root / "reconstructions" / safe_name(str(record.settings.get("collection") or record.method.lower()))
    name = f"{safe_name(record.key)}_{record.step}" if record.step else safe_name(record.key)
    data = encode_png(record.plot())
    path = run.save(folder / name, {".png": data})
    item = path.relative_to(folder).as_posix().removesuffix(".png")
    for panel, picture in record.pictures.items():
        write_bytes(folder / "panels" / item / f"{safe_name(panel)}.png", encode_png(picture))
    if record.arrays:
        write_bytes(folder / "arrays" / f"{item}.npz", _npz(record.arrays))
    line = {
        "id": item,
        "key": record.key,
        "step": record.step,
        "method": record.method,
        "notes": record.notes,
        "metrics": dict(record.metrics),
        "settings": dict(record.settings),
        "panels": list(record.pictures),
        "arrays": list(record.arrays),
    }
    run.rows(folder, "metrics", compile_metrics).append(json_line(line))
    run.index(record, path, size=len(data), id=item)


def _npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    """As `numpy.savez`, which before NumPy 2.1 cannot be told to pickle nothing, and takes no array named `file`."""
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            with archive.open(ZipInfo(f"{name}.npy"), "w", force_zip64=True) as part:
                npy.write_array(part, np.asanyarray(array), allow_pickle=False)
    return buffer.getvalue()


def compile_metrics(folder: Path) -> None:
    """`metrics.parquet`: id, path, method, pixel_stats, mask_ratio, seed, step, then every metric."""
    lines, _ = parse_lines(read_lines(folder / "metrics.jsonl")[0])
    rows = [
        {
            "id": line["id"],
            "path": line["settings"].get("path"),
            "method": line["method"],
            **{name: line["settings"].get(name) for name in LEADING[1:]},
            "step": line["step"],
            **{name: number_of(value) for name, value in line["metrics"].items()},
        }
        for line in lines
    ]
    write_parquet(folder / "metrics.parquet", rows_to_columns(rows))


def load_reconstruction(folder: Path, line: dict[str, Any]) -> Reconstruction:
    """The record that one line of `metrics.jsonl` stands for."""
    item = line["id"]
    arrays: dict[str, np.ndarray] = {}
    if line["arrays"]:
        try:
            with np.load(folder / "arrays" / f"{item}.npz", allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in line["arrays"]}
        except (OSError, ValueError, KeyError) as error:
            raise RunError(f"{folder}/arrays/{item}.npz: cannot be read: {error}") from error
    panels = folder / "panels" / item
    return Reconstruction(
        key=line["key"],
        pictures={name: decode_picture(panels / f"{safe_name(name)}.png") for name in line["panels"]},
        method=line["method"],
        notes=tuple(line["notes"]),
        metrics={name: number_of(value) for name, value in line["metrics"].items()},
        arrays=arrays,
        settings=line["settings"],
        step=line["step"],
    )
